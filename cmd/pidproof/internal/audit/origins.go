package audit

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// origin says where a process number comes from.
type origin uint

const (
	fromPidfile origin = 1 << iota // its content, whoever has the number now
	fromScan                       // pidof, pgrep, ps, fuser: whatever runs under a name
	fromLSB                        // pidofproc without -p
	fromProof                      // pidofproc -p, pidproof: proven a moment ago
	ofChild                        // $!: the shell's own child, whose number is taken until it was waited for
	ofSelf                         // $$ and $PPID
	ofPatch                        // proven where it is read, or none, as audit --patch has it
	isNumber                       // it is called PID, and nothing in sight says where it is from
)

// number is what is known of the number that a word holds.
type number struct {
	from origin
	// pidfiles are the words of the pidfiles that it was read from, by their text.
	pidfiles map[string]*syntax.Word
}

func (n *number) add(other number) {
	n.from |= other.from
	for text, word := range other.pidfiles {
		n.readFrom(text, word)
	}
}

func (n *number) readFrom(text string, word *syntax.Word) {
	if n.pidfiles == nil {
		n.pidfiles = map[string]*syntax.Word{}
	}
	n.pidfiles[text] = word
}

// numberOf follows a word to what gave it its number.
func (src *source) numberOf(word *syntax.Word) number {
	return src.numberIn(word.Parts, map[string]bool{})
}

func (src *source) numberIn(parts []syntax.WordPart, seen map[string]bool) (n number) {
	for _, p := range parts {
		if src.spent() {
			return number{from: isNumber}
		}
		switch p := p.(type) {
		case *syntax.DblQuoted:
			n.add(src.numberIn(p.Parts, seen))
		case *syntax.ParamExp:
			n.add(src.numberOfParam(p, seen))
		case *syntax.CmdSubst:
			var its number
			for _, s := range p.Stmts {
				its.add(src.printedBy(s, seen))
			}
			if its.from&ofChild != 0 && src.startsChild(p, followed) { // not the script's own: its number is anybody's when it ends
				its.from = its.from&^ofChild | isNumber
			}
			n.add(its)
		case *syntax.ArithmExp: // it is counted, or read from where nobody knows
			n.from |= isNumber
		}
	}
	return n
}

// startsChild: what is run in the background there is another shell's child.
func (src *source) startsChild(in syntax.Node, depth int) (does bool) {
	if depth == 0 || src.spent() {
		return true
	}
	walk(in, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Stmt:
			does = does || n.Background
		case *syntax.CallExpr:
			for _, c := range src.commands(n) {
				if body := src.functions[c.function]; body != nil && !does {
					does = src.startsChild(body.Body, depth-1)
				}
				if c.inner != nil && !does {
					does = src.startsChild(c.inner, depth-1)
				}
			}
		}
		return !does
	})
	return does
}

var pidName = pattern(`(?i)^(.*_)?([a-z]*pid)s?$`)

func (src *source) numberOfParam(p *syntax.ParamExp, seen map[string]bool) (n number) {
	name := p.Param.Value
	switch name {
	case "!":
		return number{from: ofChild}
	case "$", "PPID", "BASHPID":
		return number{from: ofSelf}
	case "?", "#", "-", "0":
		return number{}
	}
	words := src.nearest(src.assigned[name], p)
	if positional(name) { // of whatever call of the function: shift may have been there
		if f := src.inside(p); f != "" {
			name = f + "()"
			words = src.called[f]
		}
	}
	if seen[name] {
		return number{}
	}
	seen[name] = true
	defer delete(seen, name)
	for _, word := range words {
		n.add(src.numberIn(word.Parts, seen))
	}
	if p.Exp != nil && p.Exp.Word != nil {
		n.add(src.numberIn(p.Exp.Word.Parts, seen))
	}
	if n.from == 0 && pidName.Compiled().MatchString(name) && !strings.Contains(strings.ToLower(name), "file") {
		n.from = isNumber
	}
	return n
}

// nearest are the words that a variable gets in the function that a place is in; all, where
// it gets none there.
func (src *source) nearest(words []*syntax.Word, at syntax.Node) []*syntax.Word {
	in := src.inside(at)
	if in == "" || len(words) < 2 {
		return words
	}
	if here := slices.DeleteFunc(slices.Clone(words), func(w *syntax.Word) bool { return src.inside(w) != in }); len(here) > 0 {
		return here
	}
	return words
}

func positional(name string) bool {
	return name == "@" || name == "*" || len(name) > 0 && name[0] >= '1' && name[0] <= '9'
}

// printedBy is the number that a statement prints.
func (src *source) printedBy(s *syntax.Stmt, seen map[string]bool) (n number) {
	for _, r := range s.Redirs {
		if r.Op == syntax.RdrIn && r.Word != nil && src.isPidfile(r.Word) {
			n.add(number{from: fromPidfile})
			n.readFrom(textOf(r.Word), r.Word)
		}
	}
	walk(s, func(node syntax.Node) bool {
		switch node := node.(type) {
		case *syntax.IfClause:
			if len(node.Cond) == 1 && src.asksForUs(node.Cond[0]) { // the old way is only where pidproof is missing
				if len(node.Then) == 1 && isProvenRead(textOf(node.Then[0])) {
					n.add(number{from: ofPatch})
					return false
				}
				for _, then := range node.Then {
					n.add(src.printedBy(then, seen))
				}
				return false
			}
		case *syntax.CallExpr:
			for _, c := range src.commands(node) {
				n.add(src.printedByCommand(c, seen))
			}
		}
		return true
	})
	return n
}

func (src *source) printedByCommand(c command, seen map[string]bool) (n number) {
	switch c.name {
	case "pidof", "pgrep", "ps", "pstree", "top", "fuser", "lsof", "ss", "netstat", "sockstat":
		return number{from: fromScan}
	case "pidofproc":
		if src.redhat && !src.lsb {
			return number{from: fromScan}
		}
		if optionValue(src, c.args, "-p", "--pidfile") == nil {
			return number{from: fromLSB}
		}
		return number{from: fromProof}
	case "pidproof":
		return number{from: fromProof}
	case "cat", "head", "tail", "sed", "awk", "gawk", "mawk", "cut", "tr", "grep", "egrep", "tac", "sort", "uniq", "read":
		for _, word := range c.args {
			if src.isPidfile(word) {
				n.add(number{from: fromPidfile})
				n.readFrom(textOf(word), word)
			}
		}
		return n
	case "echo", "printf":
		for _, word := range c.args {
			n.add(src.numberIn(word.Parts, seen))
		}
		return n
	}
	f := src.functions[c.function]
	if f == nil || seen[c.function+"{}"] {
		return n
	}
	seen[c.function+"{}"] = true
	defer delete(seen, c.function+"{}")
	return src.printedBy(f.Body, seen)
}

var (
	pidfilePath = pattern(`(\.pids?|[/._*?-]pid)(\.[A-Za-z0-9_-]+)?$|/sendsigs\.omit\.d/`)
	pidfileName = pattern(`(?i)pid_?(file|path|f)(_?name)?s?$|^pidf`)
)

// isPidfile: the word is used as one, is named so, or its value is named so.
func (src *source) isPidfile(word *syntax.Word) bool {
	text := textOf(word)
	if text == "/dev/null" {
		return false
	}
	if src.pidfiles[text] {
		return true
	}
	names := variablesOf(word)
	if len(word.Parts) == 1 && len(names) == 1 {
		if src.pidfiles[names[0]] || pidfileName.Compiled().MatchString(names[0]) {
			return true
		}
		if positional(names[0]) {
			if f := src.inside(word); f != "" {
				for _, given := range src.called[f] {
					if given != word && !positionalWord(given) && src.isPidfile(given) {
						return true
					}
				}
			}
		}
	}
	for _, v := range src.values(word) {
		if src.pidfiles[v] || pidfilePath.Compiled().MatchString(strings.TrimRight(v, unknown)) && strings.ContainsAny(v, "/"+unknown) {
			return true
		}
	}
	return false
}

// positionalWord keeps functions that call each other with their own arguments from being
// followed for ever.
func positionalWord(word *syntax.Word) bool {
	for _, name := range variablesOf(word) {
		if positional(name) {
			return true
		}
	}
	return false
}
