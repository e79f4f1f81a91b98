package audit

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// behindProc is the number in /proc/NUMBER/FILE, nil where that is more than one part.
func behindProc(w *syntax.Word) *syntax.Word {
	parts := w.Parts
	if len(parts) == 1 {
		if q, is := parts[0].(*syntax.DblQuoted); is {
			parts = q.Parts
		}
	}
	if len(parts) < 2 || len(parts) > 3 {
		return nil
	}
	lit, is := parts[0].(*syntax.Lit)
	if !is || lit.Value != "/proc/" {
		return nil
	}
	if len(parts) == 3 {
		if behind, is := parts[2].(*syntax.Lit); !is || !strings.HasPrefix(behind.Value, "/") {
			return nil
		}
	}
	return &syntax.Word{Parts: parts[1:2]}
}

// behindReadlink is the link in $(readlink LINK).
func behindReadlink(w *syntax.Word) *syntax.Word {
	c, is := only(w).(*syntax.CmdSubst)
	if !is || len(c.Stmts) != 1 {
		return nil
	}
	call, is := c.Stmts[0].Cmd.(*syntax.CallExpr)
	if !is || len(call.Args) < 2 || call.Args[0].Lit() != "readlink" {
		return nil
	}
	return call.Args[len(call.Args)-1]
}

// behindPidOption is the number in ps -p NUMBER, -pNUMBER and --pid=NUMBER.
func behindPidOption(w *syntax.Word) *syntax.Word {
	if len(w.Parts) == 2 && slices.Contains([]string{"-p", "-q", "--pid="}, literalStart(w)) {
		return &syntax.Word{Parts: w.Parts[1:]}
	}
	return w
}

var asksByNumber = pattern(`/proc/+(\x00|[0-9*?[])`)

func (f *finder) procWord(s *syntax.Stmt, w *syntax.Word) bool {
	for _, v := range f.values(w) {
		if asksByNumber.Compiled().MatchString(v) && !ofInit.Compiled().MatchString(v) && !isKnown(f.numberOf(w)) {
			found := f.add(s, Proc, "")
			if its := behindReadlink(w); its != nil {
				w = its
			}
			f.replaceable(found, s, behindProc(w))
			found.silent = true // as test is
			f.inSkeleton(found, s)
			return true
		}
	}
	return false
}

// onlyInit: ps -o comm= -p 1.
func onlyInit(args []*syntax.Word) bool {
	last := ""
	if len(args) > 0 {
		last = args[len(args)-1].Lit()
	}
	return last == "1" || last == "-p1"
}

// lists: it shows processes, to a person unless another program has what it prints.
func (f *finder) lists(c command) Kind {
	switch c.name {
	case "pstree", "top", "jps":
		return Ps
	case "sockstat":
		return Fuser
	case "ss", "netstat":
		if slices.ContainsFunc(c.args, showsOwners) {
			return Fuser
		}
	}
	return ""
}

// showsOwners: -p has ss and netstat show which process a socket is of.
func showsOwners(w *syntax.Word) bool {
	text := literalStart(w)
	return text == "--processes" || text == "--program" || strings.HasPrefix(text, "-") && !strings.HasPrefix(text, "--") && strings.Contains(text, "p")
}

// isProcfs: a directory whose files are named by the numbers of processes.
func (f *finder) isProcfs(w *syntax.Word) bool {
	return slices.ContainsFunc(f.values(w), func(v string) bool { return v != "*" && fits(strings.TrimSuffix(v, "/"), "/proc") })
}
