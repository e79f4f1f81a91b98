package audit

import (
	"fmt"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// held has a number proven where it is read, for places that go on by the number: they wait for its end, or end it at last,
// when the pidfile may have gone, or be another's. A number that is not the daemon's is read as none, with which kill, ps
// and test do what they do with a number that nobody has (smstools' restart killed whoever had it).
func (f *finder) held(found *Finding, w *syntax.Word) {
	p, is := only(w).(*syntax.ParamExp)
	if !is || !plainParam(p) || positional(p.Param.Value) || f.script.unpatched {
		return
	}
	var read *syntax.CmdSubst
	for _, word := range f.nearest(f.assigned[p.Param.Value], p) {
		c, is := only(word).(*syntax.CmdSubst)
		switch {
		case is && read == nil:
			read = c
		case textOf(word) != `""` && textOf(word) != "''":
			return
		}
	}
	if read == nil || f.events().mentions[p.Param.Value] > f.locals(p.Param.Value) || !f.onlyNumber(p.Param.Value) {
		return
	}
	pidfile := readWhole(read)
	if pidfile == nil || !f.events().words[pidfile] || !f.onePath(pidfile) {
		return
	}
	if calls(read, func(name string) bool { return strings.HasSuffix(name, "head") }) {
		return // of several numbers, pidofproc has all
	}
	inner := f.script.text[read.Stmts[0].Pos().Offset():read.Stmts[0].End().Offset()]
	if strings.ContainsAny(inner, "\\`\n") {
		return
	}
	found.pidfileWord, found.pidfile, found.begins = pidfile, textOf(pidfile), f.beginning(pidfile)
	found.node, found.in, found.silent = spanOf(read), f.inside(read), complaintsDropped(read.Stmts[0])
	found.read = inner
}

// locals counts where the variable is made a function's own, and gets no value: nobody else has it by that.
func (f *finder) locals(name string) (n int) {
	for _, file := range f.script.files {
		walk(file, func(node syntax.Node) bool {
			switch node := node.(type) {
			case *syntax.CallExpr:
				if len(node.Args) > 1 && node.Args[0].Lit() == "local" {
					for _, w := range node.Args[1:] {
						n += count(w.Lit() == name)
					}
				}
			case *syntax.DeclClause:
				for _, a := range node.Args {
					n += count(node.Variant.Value == "local" && a.Naked && a.Name != nil && a.Name.Value == name)
				}
			}
			return true
		})
	}
	return n
}

// onlyNumber: all that is done with the variable is done with a number that nobody has, too, where it is empty.
func (f *finder) onlyNumber(name string) bool {
	uses, fit := 0, 0
	for _, file := range f.script.files {
		walk(file, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.ParamExp:
				if n.Param.Value == name {
					uses++
				}
			case *syntax.CallExpr:
				if len(n.Args) > 0 && f.functions[n.Args[0].Lit()] == nil {
					fit += fitting(n.Args, name)
				}
			}
			return true
		})
	}
	return uses > 0 && uses == fit
}

// fitting counts where a command has the variable, and may have nothing instead.
func fitting(args []*syntax.Word, name string) (n int) {
	says := sayings.Compiled().MatchString(args[0].Lit())
	if !says && !emptyFits(args) {
		return 0
	}
	for _, w := range args[1:] {
		p, is := only(w).(*syntax.ParamExp)
		switch {
		case is && plainParam(p) && p.Param.Value == name:
			n++
		case says:
			for _, used := range variablesOf(w) {
				n += count(used == name)
			}
		}
	}
	return n
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// sayings only print their arguments.
var sayings = pattern(`^(echo|log_[a-z_]+)$`)

// emptyFits: kill and ps fail without a number, and test says that there is none.
func emptyFits(args []*syntax.Word) bool {
	switch words := unquoted(textsOf(args)); args[0].Lit() {
	case "kill", "/bin/kill":
		return true
	case "ps":
		return pidOption.Compiled().MatchString(words)
	case "[", "test":
		return !strings.Contains(words, "/") && numberTest.Compiled().MatchString(words)
	}
	return false
}

// numberTest asks whether there is a number at all.
var numberTest = pattern(`^(\[|test)( !)?( -[nz])? \$\{?[A-Za-z0-9_]+\}?( \])?$`)

// proven is what replaces the substitution: of what cannot be told, the number is kept. It fails, and complains, as the
// old one does where there is no pidfile.
func (f *Finding) proven(daemon string) string {
	nowhere := ""
	if f.silent {
		nowhere = " 2>/dev/null"
	}
	return fmt.Sprintf("$(if %s; then pidproof pidofproc -p %s %s%s || [ $? != 4 ] && [ -e %[2]s ] || %[5]s; else %[5]s; fi)", guard, quoted(f.pidfile), daemon, nowhere, f.read)
}

// isProvenRead: it is what proven writes.
func isProvenRead(text string) bool {
	return strings.HasPrefix(text, "pidproof pidofproc -p ") && strings.Contains(text, " || [ $? != 4 ] && [ -e ")
}

// knownBefore: where the number is read, the daemon's variables have their values.
func (src *source) knownBefore(d theDaemon, at nodeRange) bool {
	for _, name := range variablesOf(d.word) {
		if slices.ContainsFunc(src.assigned[name], func(w *syntax.Word) bool {
			return src.inside(w) == "" && int(w.Pos().Offset()) > at.from
		}) {
			return false
		}
	}
	return true
}
