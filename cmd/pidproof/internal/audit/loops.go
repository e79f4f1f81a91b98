package audit

import (
	"mvdan.cc/sh/v3/syntax"
)

// loops that sleep, and ask whether a process is still there.
func (f *finder) loops(file *syntax.File) {
	syntax.Walk(file, func(n syntax.Node) bool {
		s, is := n.(*syntax.Stmt)
		if !is {
			return true
		}
		switch cmd := s.Cmd.(type) {
		case *syntax.WhileClause, *syntax.ForClause:
			if f.calls(cmd, 3, sleeps) && f.calls(cmd, 3, f.asks) {
				f.add(s, WaitLoop, "").Words = firstLine(f.line(s))
			}
		}
		return true
	})
}

func (f *finder) line(n syntax.Node) string {
	at := int(n.Pos().Offset())
	if at >= len(f.script.text) {
		return ""
	}
	return f.script.text[at:]
}

// calls: in it, or in the functions that it calls, is such a command. A loop inside of it is
// looked at by itself.
func (f *finder) calls(in syntax.Node, depth int, is func(s *syntax.Stmt, c command) bool) (does bool) {
	syntax.Walk(in, func(n syntax.Node) bool {
		if f.spent() || does {
			return false
		}
		switch n.(type) {
		case *syntax.WhileClause, *syntax.ForClause:
			if n != in {
				return false
			}
		}
		s, isStmt := n.(*syntax.Stmt)
		if !isStmt {
			return true
		}
		call, isCall := s.Cmd.(*syntax.CallExpr)
		if !isCall {
			return true
		}
		for _, c := range f.commands(call) {
			does = does || is(s, c)
			if body := f.functions[c.function]; body != nil && depth > 0 && !does {
				does = f.calls(body.Body, depth-1, is)
			}
		}
		return !does
	})
	return does
}

func sleeps(_ *syntax.Stmt, c command) bool { return c.name == "sleep" || c.name == "usleep" }

func (f *finder) asks(s *syntax.Stmt, c command) bool {
	switch c.name {
	case "kill":
		signal, targets := killArguments(f.source, c.args)
		return signal == "0" && !isKnown(f.numbersOf(targets))
	case "ps":
		return !isKnown(f.numbersOf(c.args))
	case "pidof", "pgrep", "pidofproc", "fuser", "status_of_proc":
		return true
	case "start-stop-daemon":
		o := f.ssdOptions(c.args)
		return o.status || o.test
	case "[", "test":
		for i, w := range c.args {
			for _, v := range f.values(w) {
				if asksByNumber.Compiled().MatchString(v) && !isKnown(f.numberOf(w)) {
					return true
				}
			}
			if i > 0 && f.isPidfile(w) && !s.Negated && !negatedTest(c.args) {
				switch literalStart(c.args[i-1]) {
				case "-e", "-f", "-s", "-r":
					return true
				}
			}
		}
	}
	return false
}

// negatedTest: who waits until a pidfile is there waits for a start.
func negatedTest(args []*syntax.Word) bool {
	return len(args) > 0 && literalStart(args[0]) == "!"
}
