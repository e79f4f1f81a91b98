package audit

import (
	"slices"
	"sort"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// reading is a number that is all that one pidfile has in its first line.
type reading struct {
	pidfile *syntax.Word
	held    bool // by a variable, and not read where it is used
}

// exact is where a word is nothing but that: not a part of the file, nor the number of a
// child, a group, or of several files in turn. What replaces it asks the file itself.
func (f *finder) exact(w *syntax.Word, at *syntax.Stmt) (reading, bool) {
	part := only(w)
	if part == nil {
		return reading{}, false
	}
	if c, is := part.(*syntax.CmdSubst); is {
		word := readWhole(c)
		return reading{pidfile: word}, word != nil && f.onePath(word)
	}
	p, is := part.(*syntax.ParamExp)
	if !is || !plainParam(p) || positional(p.Param.Value) {
		return reading{}, false
	}
	words := f.reaching(f.nearest(f.assigned[p.Param.Value], p), p)
	if len(words) != 1 {
		return reading{}, false
	}
	c, is := only(words[0]).(*syntax.CmdSubst)
	if !is {
		return reading{}, false
	}
	word := readWhole(c)
	if word == nil || !f.onePath(word) {
		return reading{}, false
	}
	if f.inside(word) != f.inside(at) {
		return reading{word, true}, f.fromTop(p.Param.Value, word, at)
	}
	return reading{word, true}, f.undisturbed(word, at)
}

// only is the part that a word is made of, nil if there are several.
func only(w *syntax.Word) syntax.WordPart {
	if len(w.Parts) != 1 {
		return nil
	}
	if q, is := w.Parts[0].(*syntax.DblQuoted); is {
		return only(&syntax.Word{Parts: q.Parts})
	}
	return w.Parts[0]
}

func plainParam(p *syntax.ParamExp) bool {
	return p.Exp == nil && p.Repl == nil && p.Slice == nil && p.Index == nil && !p.Excl && !p.Length && !p.Width && p.Names == 0
}

// readWhole is the file whose first line a substitution is: of cat, head -1 or <.
func readWhole(c *syntax.CmdSubst) *syntax.Word {
	if len(c.Stmts) != 1 || c.Stmts[0].Negated || c.Stmts[0].Background || c.Stmts[0].Coprocess {
		return nil
	}
	s := c.Stmts[0]
	var from *syntax.Word
	for _, r := range s.Redirs {
		switch {
		case r.Op == syntax.RdrIn && from == nil:
			from = r.Word
		case !quiet(r):
			return nil
		}
	}
	if s.Cmd == nil {
		return from
	}
	call, is := s.Cmd.(*syntax.CallExpr)
	if !is || len(call.Assigns) > 0 || len(call.Args) == 0 {
		return nil
	}
	args := call.Args[1:]
	switch call.Args[0].Lit() {
	case "cat", "/bin/cat", "/usr/bin/cat":
	case "head", "/usr/bin/head":
		switch first := textsOf(args[:min(1, len(args))]); {
		case first == "-1" || first == "-n1":
			args = args[1:]
		case first == "-n" && len(args) > 1 && args[1].Lit() == "1":
			args = args[2:]
		default:
			return nil
		}
	default:
		return nil
	}
	switch {
	case len(args) == 0:
		return from
	case len(args) == 1 && from == nil && !strings.HasPrefix(literalStart(args[0]), "-"):
		return args[0]
	}
	return nil
}

// quiet: a redirection that keeps nothing, which a replacement can do without.
func quiet(r *syntax.Redirect) bool {
	switch r.Op {
	case syntax.DplOut:
		return true
	case syntax.RdrOut, syntax.AppOut, syntax.ClbOut, syntax.RdrAll, syntax.AppAll:
		return r.Word != nil && r.Word.Lit() == "/dev/null"
	}
	return false
}

// complaintsDropped: a redirection has the statement's stderr go nowhere.
func complaintsDropped(s *syntax.Stmt) bool {
	out := false // stdout goes nowhere
	for _, r := range s.Redirs {
		null := r.Word != nil && r.Word.Lit() == "/dev/null"
		switch {
		case r.Op == syntax.RdrAll || r.Op == syntax.AppAll || r.N != nil && r.N.Value == "2" && null:
			return true
		case r.Op == syntax.DplOut && r.N != nil && r.N.Value == "2":
			return out || r.Word != nil && r.Word.Lit() == "-"
		case r.Op != syntax.DplOut && (r.N == nil || r.N.Value == "1"):
			out = null
		}
	}
	return false
}

// toAnother: stderr goes to a descriptor that is not stdout's.
func toAnother(r *syntax.Redirect) bool {
	return r.Op == syntax.DplOut && r.N != nil && r.N.Value == "2" && r.Word.Lit() != "1" && r.Word.Lit() != "-"
}

// complaintsKept: a redirection has the statement's stderr go where its stdout does, to who reads that.
func complaintsKept(s *syntax.Stmt) bool {
	return !complaintsDropped(s) && slices.ContainsFunc(s.Redirs, func(r *syntax.Redirect) bool { return r.Op == syntax.DplOut && r.N != nil && r.N.Value == "2" })
}

// onePath: the word is one file's to a shell, also where it is not quoted.
func (f *finder) onePath(w *syntax.Word) bool {
	for _, part := range w.Parts {
		switch part := part.(type) {
		case *syntax.Lit:
			if strings.ContainsAny(part.Value, "*?[{") {
				return false
			}
		case *syntax.SglQuoted, *syntax.DblQuoted:
			if hasCommand(part) {
				return false
			}
		case *syntax.ParamExp:
			if hasCommand(part) || strings.HasSuffix(strings.ToLower(part.Param.Value), "files") || part.Param.Value == "@" || part.Param.Value == "*" {
				return false
			}
			if !f.oneByOne(part) && f.mayBeSeveral(part) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// mayBeSeveral: a value that the variable may have there is several words to a shell, or a pattern.
func (f *finder) mayBeSeveral(p *syntax.ParamExp) bool {
	words := []*syntax.Word{{Parts: []syntax.WordPart{p}}}
	if plainParam(p) {
		if all := f.assigned[p.Param.Value]; len(f.reaching(all, p)) < len(all) {
			words = f.reaching(all, p)
		}
	}
	return slices.ContainsFunc(words, func(w *syntax.Word) bool {
		return slices.ContainsFunc(f.values(w), func(v string) bool { return strings.ContainsAny(v, " \t\n*?[") })
	})
}

// oneByOne: a loop gives the variable one of its words at a time, also of a pattern.
func (f *finder) oneByOne(p *syntax.ParamExp) bool {
	words := f.reaching(f.nearest(f.assigned[p.Param.Value], p), p)
	return plainParam(p) && len(words) > 0 && !slices.ContainsFunc(words, func(w *syntax.Word) bool { return !f.items[w] })
}

func hasCommand(n syntax.Node) (has bool) {
	walk(n, func(n syntax.Node) bool {
		switch n.(type) {
		case *syntax.CmdSubst, *syntax.ArithmExp, *syntax.ProcSubst:
			has = true
		}
		return !has
	})
	return has
}

// events are what happens in a script, in the order of its text.
type events struct {
	words map[*syntax.Word]bool
	acts  []uint // commands after which a pidfile may be another's, or gone
	sets  map[string][]uint
	loops []nodeRange
	// mentions is how often a name is among the script's words.
	mentions map[string]int
	dynamic  bool // a command's name is made up when the script runs: it may be one of its functions
}

func (f *finder) lookForEvents() *events {
	once := map[syntax.Node]bool{} // what reads a pipe that has one line
	e := &events{words: map[*syntax.Word]bool{}, sets: map[string][]uint{}, mentions: map[string]int{}}
	for _, file := range f.script.files {
		e.mention(file)
		walk(file, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.Word:
				e.words[n] = true
			case *syntax.Assign:
				if n.Name != nil {
					e.sets[n.Name.Value] = append(e.sets[n.Name.Value], n.Pos().Offset())
				}
			case *syntax.ParamExp:
				if assignsUnset(n) {
					e.sets[n.Param.Value] = append(e.sets[n.Param.Value], n.Pos().Offset())
				}
			case *syntax.BinaryCmd:
				if from, is := n.X.Cmd.(*syntax.CallExpr); is && n.Op == syntax.Pipe && oneLine.Compiled().MatchString(textOf(from)) {
					once[n.Y.Cmd] = true
				}
			case *syntax.WhileClause, *syntax.ForClause:
				if once[n] {
					break
				}
				e.loops = append(e.loops, nodeRange{int(n.Pos().Offset()), int(n.End().Offset())})
			case *syntax.CallExpr:
				if len(n.Args) == 0 {
					break
				}
				e.dynamic = e.dynamic || f.isDynamic(n)
				if !f.onlyAsks(n) {
					e.acts = append(e.acts, n.Pos().Offset())
				}
			}
			return true
		})
	}
	slices.Sort(e.acts)
	return e
}

// isDynamic: what the call leads to cannot be told, but for the script itself, which is a process of its own then.
func (f *finder) isDynamic(call *syntax.CallExpr) bool {
	return unquoted(textOf(call.Args[0])) != "$0" && slices.ContainsFunc(f.commands(call), func(c command) bool { return c.name == unknown })
}

// onlyAsks: neither ends nor starts anything, nor changes where a relative path leads.
func (f *finder) onlyAsks(call *syntax.CallExpr) bool {
	switch name := call.Args[0].Lit(); name {
	case "[", "test", "echo", "printf", ":", "true", "false", "return", "exit", "cat", "head", "ps", "grep", "egrep", "pidofproc", "pidof", "pgrep", "expr", "readlink":
		return f.functions[name] == nil
	case "read":
		return true
	case "kill":
		signal, _ := killArguments(f.source, call.Args[1:])
		return signal == "0" && f.functions[name] == nil
	}
	return strings.HasPrefix(call.Args[0].Lit(), "log_")
}

// undisturbed: from where a pidfile was read to the place, nothing happens that could make
// it another's, or remove it: a stop, a start, another value of its variables, another turn
// of a loop.
func (f *finder) undisturbed(word *syntax.Word, at *syntax.Stmt) bool {
	e := f.events()
	from, to := word.End().Offset(), at.Pos().Offset()
	if !e.words[word] || from > to || f.acted(from, at) {
		return false
	}
	for _, name := range variablesOf(word) {
		if between(e.sets[name], from, to) {
			return false
		}
	}
	f.steps += len(e.loops) / 8
	return !slices.ContainsFunc(e.loops, func(loop nodeRange) bool {
		return (loop.from <= int(from) && int(from) < loop.to) != (loop.from <= int(to) && int(to) < loop.to)
	})
}

// acted: between a place and a later one in the same function, or outside of all, something happens.
func (f *finder) acted(from uint, at *syntax.Stmt) bool {
	to := at.Pos().Offset()
	if !between(f.events().acts, from, to) {
		return false
	}
	return f.inside(at) != "" || anyHas(f.flow().loops, to) || f.happens(from, to)
}

func between(sorted []uint, from, to uint) bool {
	i := sort.Search(len(sorted), func(i int) bool { return sorted[i] >= from })
	return i < len(sorted) && sorted[i] < to
}
