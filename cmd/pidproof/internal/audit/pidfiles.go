package audit

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// writes: a number that the script itself writes into a pidfile.
func (f *finder) writes(s *syntax.Stmt) {
	if call, is := s.Cmd.(*syntax.CallExpr); is {
		for _, c := range f.commands(call) {
			if c.name == "tee" && slices.ContainsFunc(c.args, f.isPidfile) || f.copiesInto(c) {
				f.add(s, Written, "")
			}
		}
	}
	for _, r := range s.Redirs {
		switch r.Op {
		case syntax.RdrOut, syntax.AppOut, syntax.ClbOut:
			if r.Word != nil && (f.isPidfile(r.Word) && f.prints(s) && !f.saysNothing(s) || f.keepsChild(s, r.Word)) {
				f.add(s, Written, "")
			}
			if r.Word != nil && slices.ContainsFunc(f.values(r.Word), endsMany.Compiled().MatchString) {
				f.add(s, Killall, "")
			}
		}
	}
}

// copiesInto: another file's text becomes the pidfile's.
func (f *finder) copiesInto(c command) bool {
	n := len(c.args)
	return (c.name == "cp" || c.name == "install" && !makesDirectories(c.args)) && n > 1 && f.isPidfile(c.args[n-1]) && !f.emptiesBy(c) &&
		!slices.ContainsFunc(c.args[:n-1], f.isPidfile)
}

// makesDirectories: install -d, of the directory that a pidfile is in.
func makesDirectories(args []*syntax.Word) bool {
	return slices.ContainsFunc(args, func(w *syntax.Word) bool {
		option := literalStart(w)
		return strings.HasPrefix(option, "-d") || option == "--directory"
	})
}

// removes: a command that a pidfile is gone after, from where the daemon's is looked for.
func (f *finder) removes(c command) bool {
	switch c.name {
	case "rm", "unlink":
		return slices.ContainsFunc(c.args, func(w *syntax.Word) bool {
			return f.isPidfile(w) || namesPID(w) || f.barePidfile(w) || f.beginsAsPidfile(w) || f.isAmong(w) || f.isListed(w)
		})
	case "mv":
		if len(c.args) == 1 {
			return bracedPidfile.Compiled().MatchString(first(f.values(c.args[0])))
		}
		if len(c.args) == 0 {
			return false
		}
		to := c.args[len(c.args)-1]
		return slices.ContainsFunc(c.args[:len(c.args)-1], func(w *syntax.Word) bool {
			return f.isPidfile(w) && (!f.isPidfile(to) || strings.HasPrefix(unquoted(textOf(to)), unquoted(textOf(w)))) // not FILE.new, written before
		})
	case "find":
		deletes := slices.ContainsFunc(c.args, func(w *syntax.Word) bool {
			word := w.Lit()
			return word == "-delete" || path.Base(word) == "rm" || path.Base(word) == "unlink"
		})
		return deletes && slices.ContainsFunc(searched(c.args), func(w *syntax.Word) bool { return f.isPidfile(w) || f.barePidfile(w) || f.isAmong(w) })
	}
	return false
}

// bracedPidfile is two names, of which one is a pidfile's: d.pid{,.old}.
var bracedPidfile = pattern(`\.pid\{,|\.\{([^{}]*,)?pid,`)

// isListed: a variable has the names of pidfiles, from ls or find.
func (f *finder) isListed(w *syntax.Word) bool {
	p, is := only(w).(*syntax.ParamExp)
	return is && plainParam(p) && slices.ContainsFunc(f.assigned[p.Param.Value], func(value *syntax.Word) bool {
		if value == nil || len(value.Parts) == 0 {
			return false
		}
		c, is := value.Parts[0].(*syntax.CmdSubst)
		return is && len(c.Stmts) == 1 && f.listsPidfiles(c.Stmts[0])
	})
}

// listsPidfiles: ls, find and echo are given some.
func (f *finder) listsPidfiles(s *syntax.Stmt) bool {
	names, is := s.Cmd.(*syntax.CallExpr)
	if !is || len(names.Args) == 0 {
		return false
	}
	switch path.Base(names.Args[0].Lit()) {
	case "ls", "find", "echo", "printf":
		return slices.ContainsFunc(names.Args[1:], func(w *syntax.Word) bool { return f.isPidfile(w) || f.barePidfile(w) })
	}
	return false
}

// beginsAsPidfile: d.pid* is the pidfile, and what is named like it.
func (f *finder) beginsAsPidfile(w *syntax.Word) bool {
	return slices.ContainsFunc(f.values(w), func(v string) bool {
		name, is := strings.CutSuffix(v, "*")
		return is && pidfilePath.Compiled().MatchString(name)
	})
}

// removesInput: rm has the names of pidfiles from a pipe.
func (f *finder) removesInput(from, to *syntax.Stmt) bool {
	xargs, is := to.Cmd.(*syntax.CallExpr)
	if !is || len(xargs.Args) == 0 || path.Base(xargs.Args[0].Lit()) != "xargs" || !f.listsPidfiles(from) {
		return false
	}
	return slices.ContainsFunc(f.commands(xargs), func(c command) bool { return c.name == "rm" || c.name == "unlink" })
}

// searched are the names that find looks for, where it is given none, the places where it looks.
func searched(args []*syntax.Word) (words []*syntax.Word) {
	for i, w := range args[:max(0, len(args)-1)] {
		switch w.Lit() {
		case "-name", "-iname", "-path", "-wholename":
			words = append(words, args[i+1])
		}
	}
	if words == nil {
		return args
	}
	return words
}

// barePidfile: a file that is named as one in whatever directory is the current one.
func (f *finder) barePidfile(w *syntax.Word) bool {
	return slices.ContainsFunc(f.values(w), func(v string) bool {
		return !strings.ContainsAny(v, "/"+unknown) && pidfilePath.Compiled().MatchString(v)
	})
}

// keepsChild: a file that has $! and nothing else is a pidfile, whatever its name is.
func (f *finder) keepsChild(s *syntax.Stmt, file *syntax.Word) bool {
	call, is := s.Cmd.(*syntax.CallExpr)
	if !is || len(call.Args) < 2 || noPidfile.Compiled().MatchString(first(f.values(file))) {
		return false
	}
	switch args := call.Args[1:]; call.Args[0].Lit() {
	case "printf":
		return len(args) == 2 && isChild(args[1])
	case "echo":
		return isChild(args[len(args)-1]) && (len(args) == 1 || len(args) == 2 && args[0].Lit() == "-n")
	}
	return false
}

func isChild(w *syntax.Word) bool {
	p, is := only(w).(*syntax.ParamExp)
	return is && plainParam(p) && p.Param.Value == "!"
}

// noPidfile: the kernel reads it, or a person.
var noPidfile = pattern(`^/(dev|sys|proc)/|/(tasks|cgroup\.procs)$|\.log$`)

// endsMany are files of the kernel's that signal whoever is in a control group, or all: see
// cgroups(7) and proc(5).
var endsMany = pattern(`(^|/)cgroup\.kill$|^/proc/sysrq-trigger$`)

// prints: a command that has something to say; ":" and touch make an empty file.
func (f *finder) prints(s *syntax.Stmt) bool {
	call, is := s.Cmd.(*syntax.CallExpr)
	if !is {
		return s.Cmd != nil
	}
	return slices.ContainsFunc(f.commands(call), func(c command) bool {
		return c.name != ":" && c.name != "true" && c.name != "touch" && c.name != "exec" && (len(c.args) > 0 || c.name == "cat")
	})
}

// namesPID: nobody removes a number, so the variable has a path.
func namesPID(w *syntax.Word) bool {
	names := variablesOf(w)
	return len(w.Parts) == 1 && len(names) == 1 && pidName.Compiled().MatchString(names[0])
}

// places: a pidfile where anybody can put one, at the assignment that says so.
func (f *finder) places(file *syntax.File) {
	walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Assign:
			if n.Value != nil && n.Name != nil {
				f.place(n, n.Name.Value, n.Value)
			}
		case *syntax.ParamExp:
			if assignsUnset(n) {
				f.place(n, n.Param.Value, n.Exp.Word)
			}
		}
		return true
	})
}

func (f *finder) place(at syntax.Node, name string, value *syntax.Word) {
	for _, v := range f.values(value) {
		if writable.Compiled().MatchString(v) && (pidfilePath.Compiled().MatchString(v) || f.pidfiles[name] || pidfileName.Compiled().MatchString(name)) {
			f.add(at, Writable, "")
			break
		}
	}
}

var writable = pattern(`^(/tmp|/var/tmp|/dev/shm|/run/lock|/var/lock|/run/shm)/`)
