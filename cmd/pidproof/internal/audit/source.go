package audit

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// source is what a script says, of whatever order: which of two assignments was made is not
// known before it runs, so all of them count.
type source struct {
	script *script
	// assigned are the words that a variable may be, nil for one that is not known.
	assigned  map[string][]*syntax.Word
	functions map[string]*syntax.FuncDecl
	// called are the arguments of each call of a function.
	called   map[string][]*syntax.Word
	callsOf  map[string][]*syntax.CallExpr // the calls themselves
	appended map[string][]*syntax.Word     // by +=
	written  map[string]bool               // by printf -v and their like
	aliases  map[string]string
	topLevel map[*syntax.FuncDecl]bool // in nothing else
	unset    map[string]bool
	items    map[*syntax.Word]bool     // what a for loop takes one by one
	piped    map[*syntax.CallExpr]bool // those whose input was found
	// pidfiles are the words that were given as a pidfile, by their text.
	pidfiles map[string]bool
	read     map[string]bool    // files that it reads with "."
	own      []*syntax.FuncDecl // in the order of the text, and not of a file that it reads
	ends     []uint             // of each, or of one before it, the last
	lsb      bool               // it reads /lib/lsb/init-functions, and with that our hook
	redhat   bool               // it reads the functions of Red Hat's initscripts
	steps    int                // what following words has cost
}

// stepLimit bounds what a script makes us follow: a=$b$b b=$c$c ... doubles with each line.
// The longest way of Debian 12's init scripts is 14,000 steps, ocfs2-tools'.
const stepLimit = 150_000

func (src *source) spent() bool {
	src.steps++
	return src.steps > stepLimit
}

func look(s *script, sourced func(path string) *script) *source {
	src := &source{
		script: s, assigned: map[string][]*syntax.Word{}, functions: map[string]*syntax.FuncDecl{},
		called: map[string][]*syntax.Word{}, callsOf: map[string][]*syntax.CallExpr{}, aliases: map[string]string{}, topLevel: map[*syntax.FuncDecl]bool{}, unset: map[string]bool{}, appended: map[string][]*syntax.Word{}, written: map[string]bool{}, items: map[*syntax.Word]bool{}, piped: map[*syntax.CallExpr]bool{}, read: map[string]bool{}, pidfiles: map[string]bool{},
	}
	for _, f := range s.files {
		src.collect(f, sourced, 0)
	}
	slices.SortStableFunc(src.own, func(a, b *syntax.FuncDecl) int { return cmp.Compare(a.Pos().Offset(), b.Pos().Offset()) })
	for i, f := range src.own {
		end := f.End().Offset()
		if i > 0 {
			end = max(end, src.ends[i-1])
		}
		src.ends = append(src.ends, end)
	}
	for _, f := range s.files {
		syntax.Walk(f, func(n syntax.Node) bool {
			if call, is := n.(*syntax.CallExpr); is {
				src.noteCall(call)
			}
			return true
		})
	}
	return src
}

const sourcedDepth = 3 // files that read files that read files

func (src *source) collect(f *syntax.File, sourced func(path string) *script, depth int) {
	for _, s := range f.Stmts {
		if decl, is := s.Cmd.(*syntax.FuncDecl); is && !s.Background {
			src.topLevel[decl] = true
		}
	}
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.FuncDecl:
			src.functions[n.Name.Value] = n
			if depth == 0 {
				src.own = append(src.own, n)
			}
		case *syntax.Assign:
			src.assign(n)
		case *syntax.DeclClause:
			src.declareNames(n)
		case *syntax.ParamExp:
			if assignsUnset(n) { // with a part more: it may be what was there before
				word := &syntax.Word{Parts: append(slices.Clone(n.Exp.Word.Parts), &syntax.Lit{ValuePos: n.Exp.Word.End(), ValueEnd: n.Exp.Word.End()})}
				src.assigned[n.Param.Value] = append(src.assigned[n.Param.Value], word)
			}
		case *syntax.ForClause:
			if over, is := n.Loop.(*syntax.WordIter); is {
				src.assigned[over.Name.Value] = append(src.assigned[over.Name.Value], over.Items...)
				for _, item := range over.Items {
					src.items[item] = true
				}
			}
		case *syntax.Stmt:
			src.readInto(n)
		case *syntax.CallExpr:
			src.declare(n)
			if len(n.Args) > 1 && n.Args[0].Lit() == "unset" {
				for _, w := range n.Args[1:] {
					src.unset[w.Lit()] = true
				}
			}
			if path, is := src.sourcedPath(n); is {
				src.lsb = src.lsb || strings.HasSuffix(path, "/lsb/init-functions")
				src.redhat = src.redhat || strings.HasSuffix(path, "/init.d/functions")
				if depth < sourcedDepth && sourced != nil && !src.read[path] {
					src.read[path] = true
					if other := sourced(path); other != nil {
						for _, f := range other.files {
							src.collect(f, sourced, depth+1)
						}
					}
				}
			}
		}
		return true
	})
}

// assignsUnset: ${K:=killall} gives a variable its value from there on.
func assignsUnset(p *syntax.ParamExp) bool {
	return p.Exp != nil && p.Exp.Word != nil && (p.Exp.Op == syntax.AssignUnset || p.Exp.Op == syntax.AssignUnsetOrNull)
}

func (src *source) assign(a *syntax.Assign) {
	if a.Name == nil || a.Naked {
		return
	}
	name := a.Name.Value
	if a.Array != nil {
		for _, e := range a.Array.Elems {
			src.assigned[name] = append(src.assigned[name], e.Value)
		}
		return
	}
	if a.Value == nil { // PIDFILE= is empty until it is set
		if _, is := src.assigned[name]; !is {
			src.assigned[name] = nil
		}
		return
	}
	src.assigned[name] = append(src.assigned[name], a.Value)
	if a.Append {
		src.appended[name] = append(src.appended[name], a.Value)
	}
}

// declareNames: declare -n K=C has C's value wherever K is used.
func (src *source) declareNames(d *syntax.DeclClause) {
	if d.Variant.Value != "nameref" && !slices.ContainsFunc(d.Args, func(a *syntax.Assign) bool {
		return a.Naked && a.Value != nil && strings.HasPrefix(a.Value.Lit(), "-") && strings.Contains(a.Value.Lit(), "n")
	}) {
		return
	}
	for _, a := range d.Args {
		if a.Name == nil || a.Value == nil {
			continue
		}
		src.refer(a.Name.Value, a.Value.Lit(), a)
	}
}

// refer gives a variable the value of another.
func (src *source) refer(name, other string, at syntax.Node) {
	var part syntax.WordPart = &syntax.ArithmExp{Left: at.Pos(), Right: at.End()}
	if variableName.Compiled().MatchString(other) {
		part = &syntax.ParamExp{Dollar: at.Pos(), Short: true, Param: &syntax.Lit{ValuePos: at.Pos(), ValueEnd: at.End(), Value: other}}
	} else {
		src.written[name] = true
	}
	src.assigned[name] = append(src.assigned[name], &syntax.Word{Parts: []syntax.WordPart{part}})
}

// declare: for a shell of POSIX, local, export and readonly are commands like others.
func (src *source) declare(call *syntax.CallExpr) {
	src.writeInto(call)
	if len(call.Args) < 2 || !slices.Contains([]string{"local", "export", "readonly", "typeset", "declare"}, call.Args[0].Lit()) {
		return
	}
	reference := literalStart(call.Args[1]) == "-n"
	for _, word := range call.Args[1:] {
		lit, is := word.Parts[0].(*syntax.Lit)
		if !is {
			continue
		}
		name, value, set := strings.Cut(lit.Value, "=")
		if !set || !variableName.Compiled().MatchString(name) {
			continue
		}
		if reference {
			src.refer(name, value, call)
			continue
		}
		rest := &syntax.Word{Parts: slices.Clone(word.Parts)}
		first := *lit
		first.Value = value
		first.ValuePos = syntax.NewPos(lit.Pos().Offset()+uint(len(name))+1, lit.Pos().Line(), lit.Pos().Col()+uint(len(name))+1)
		rest.Parts[0] = &first
		if value == "" {
			rest.Parts = rest.Parts[1:]
		}
		if len(rest.Parts) > 0 {
			src.assigned[name] = append(src.assigned[name], rest)
		}
	}
}

// writeInto: printf -v K and mapfile K give a variable what is printed.
func (src *source) writeInto(call *syntax.CallExpr) {
	if len(call.Args) < 2 {
		return
	}
	var name string
	switch args := call.Args[1:]; call.Args[0].Lit() {
	case "printf":
		if args[0].Lit() == "-v" && len(args) > 1 {
			name = args[1].Lit()
		}
	case "mapfile", "readarray":
		name = args[len(args)-1].Lit()
	}
	if variableName.Compiled().MatchString(name) {
		src.written[name] = true
		src.assigned[name] = append(src.assigned[name], &syntax.Word{Parts: []syntax.WordPart{&syntax.ArithmExp{Left: call.Pos(), Right: call.End()}}})
	}
}

var variableName = pattern(`^[A-Za-z_][A-Za-z0-9_]*$`)

// readInto is `read NAME <FILE`, which is what cat in an assignment is; a loop may have the
// file behind its done, and a pipe gives what its left side prints.
func (src *source) readInto(s *syntax.Stmt) {
	if call, is := s.Cmd.(*syntax.CallExpr); is && isRead(call) && !src.piped[call] {
		if from := inputOf(s); from != nil {
			src.gets(call, from)
		} else {
			src.gets(call, nil)
		}
		return
	}
	if pipe, is := s.Cmd.(*syntax.BinaryCmd); is && (pipe.Op == syntax.Pipe || pipe.Op == syntax.PipeAll) {
		src.feed(pipe.Y, substitution(pipe.X))
		return
	}
	if from := inputOf(s); from != nil {
		src.feed(s, from)
	}
}

// feed gives what comes in to the commands that read it.
func (src *source) feed(s *syntax.Stmt, from *syntax.Word) {
	syntax.Walk(s, func(n syntax.Node) bool {
		inner, is := n.(*syntax.Stmt)
		if !is {
			return true
		}
		if call, is := inner.Cmd.(*syntax.CallExpr); is && isRead(call) && !src.piped[call] && inputOf(inner) == nil {
			src.piped[call] = true
			src.gets(call, from)
		}
		return true
	})
}

func isRead(call *syntax.CallExpr) bool { return len(call.Args) > 1 && call.Args[0].Lit() == "read" }

// inputOf is what a statement reads from, as the word that has its content.
func inputOf(s *syntax.Stmt) *syntax.Word {
	for _, r := range s.Redirs {
		if r.Op == syntax.RdrIn && r.Word != nil {
			return substitution(&syntax.Stmt{Position: r.Pos(), Redirs: []*syntax.Redirect{r}})
		}
	}
	return nil
}

func substitution(s *syntax.Stmt) *syntax.Word {
	return &syntax.Word{Parts: []syntax.WordPart{&syntax.CmdSubst{Left: s.Pos(), Right: s.End(), Stmts: []*syntax.Stmt{s}}}}
}

// gets: read's variables have what it reads; nil: nobody knows.
func (src *source) gets(call *syntax.CallExpr, from *syntax.Word) {
	for i, name := range call.Args[1:] {
		lit := name.Lit()
		if !variableName.Compiled().MatchString(lit) {
			continue
		}
		word := from
		if word == nil {
			word = &syntax.Word{Parts: []syntax.WordPart{&syntax.ArithmExp{Left: call.Pos(), Right: call.End()}}}
		}
		if i > 0 { // a later word, which is not all that was read
			word = &syntax.Word{Parts: append(slices.Clone(word.Parts), &syntax.Lit{})}
		}
		src.assigned[lit] = append(src.assigned[lit], word)
	}
}

func (src *source) sourcedPath(call *syntax.CallExpr) (string, bool) {
	if len(call.Args) < 2 || call.Args[0].Lit() != "." && call.Args[0].Lit() != "source" {
		return "", false
	}
	for _, path := range src.values(call.Args[1]) {
		if strings.HasPrefix(path, "/") && !strings.Contains(path, unknown) {
			return path, true
		}
	}
	return "", false
}

// noteCall keeps with what a function is called, which words name pidfiles, and aliases.
func (src *source) noteCall(call *syntax.CallExpr) {
	if len(call.Args) == 0 {
		return
	}
	name := call.Args[0].Lit()
	if src.functions[name] != nil {
		src.called[name] = append(src.called[name], call.Args[1:]...)
		src.callsOf[name] = append(src.callsOf[name], call)
	}
	if name == "alias" {
		for _, word := range call.Args[1:] {
			for _, v := range src.values(word) {
				if alias, text, is := strings.Cut(v, "="); is {
					src.aliases[alias] = text
				}
			}
		}
	}
	for _, c := range src.commands(call) {
		switch c.name {
		case "start-stop-daemon", "killproc", "pidofproc", "status_of_proc", "start_daemon", "checkproc", "startproc":
			if word := optionValue(src, c.args, "-p", "--pidfile"); word != nil {
				src.pidfiles[textOf(word)] = true
				for _, name := range variablesOf(word) {
					if len(word.Parts) == 1 {
						src.pidfiles[name] = true
					}
				}
			}
		}
	}
}

// optionValue is the value of an option that has one: "-p F", "-pF", "--pidfile F" or
// "--pidfile=F".
func optionValue(src *source, args []*syntax.Word, short, long string) *syntax.Word {
	for i, word := range args {
		text := literalStart(word)
		switch {
		case text == "--" && len(word.Parts) == 1:
			return nil
		case (text == short || text == long) && len(word.Parts) == 1 && i+1 < len(args):
			return args[i+1]
		case strings.HasPrefix(text, long+"=") || strings.HasPrefix(text, short) && !strings.HasPrefix(text, "--"):
			cut := long + "="
			if !strings.HasPrefix(text, cut) {
				cut = short
			}
			rest := &syntax.Word{Parts: slices.Clone(word.Parts)}
			if lit, is := word.Parts[0].(*syntax.Lit); is {
				first := *lit
				first.Value = strings.TrimPrefix(lit.Value, cut)
				first.ValuePos = syntax.NewPos(lit.Pos().Offset()+uint(len(cut)), lit.Pos().Line(), lit.Pos().Col()+uint(len(cut)))
				rest.Parts[0] = &first
				if first.Value == "" {
					rest.Parts = rest.Parts[1:]
				}
			}
			if len(rest.Parts) > 0 {
				return rest
			}
		}
	}
	return nil
}

func literalStart(word *syntax.Word) string {
	if len(word.Parts) == 0 {
		return ""
	}
	if lit, is := word.Parts[0].(*syntax.Lit); is {
		return lit.Value
	}
	return ""
}

// textOf is a node as a shell reads it, on one line where that is possible.
func textOf(n syntax.Node) string {
	var b strings.Builder
	if err := syntax.NewPrinter(syntax.Minify(false), syntax.SingleLine(true)).Print(&b, n); err != nil {
		return ""
	}
	return strings.TrimSpace(b.String())
}

// variablesOf are the names of the variables that a word is made of.
func variablesOf(word *syntax.Word) (names []string) {
	for _, part := range word.Parts {
		switch part := part.(type) {
		case *syntax.ParamExp:
			names = append(names, part.Param.Value)
		case *syntax.DblQuoted:
			names = append(names, variablesOf(&syntax.Word{Parts: part.Parts})...)
		}
	}
	return names
}

// inside is the function that a place is in, the innermost one, "" for none.
func (src *source) inside(n syntax.Node) string {
	from, to := n.Pos().Offset(), n.End().Offset()
	i := sort.Search(len(src.own), func(i int) bool { return src.own[i].Pos().Offset() > from }) - 1
	for ; i >= 0 && src.ends[i] >= to; i-- {
		if src.own[i].End().Offset() >= to {
			return src.own[i].Name.Value
		}
	}
	return ""
}
