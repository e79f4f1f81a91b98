package audit

import (
	"slices"

	"mvdan.cc/sh/v3/syntax"
)

// loops that sleep, and ask whether a process is still there.
func (f *finder) loops(file *syntax.File) {
	walk(file, func(n syntax.Node) bool {
		s, is := n.(*syntax.Stmt)
		if !is {
			return true
		}
		switch cmd := s.Cmd.(type) {
		case *syntax.WhileClause, *syntax.ForClause:
			if f.calls(cmd, 3, sleeps) && f.calls(cmd, 3, f.asks(conditionOf(cmd))) {
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
	walk(in, func(n syntax.Node) bool {
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
			if _, isTest := s.Cmd.(*syntax.TestClause); isTest {
				does = is(s, command{name: "[["})
			}
			return !does
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

// conditionOf is where an until says when it ends.
func conditionOf(n syntax.Node) (until nodeRange) {
	if loop, is := n.(*syntax.WhileClause); is && loop.Until && len(loop.Cond) > 0 {
		until = statements(loop.Cond)
	}
	return until
}

func sleeps(_ *syntax.Stmt, c command) bool { return c.name == "sleep" || c.name == "usleep" }

func (f *finder) asks(until nodeRange) func(s *syntax.Stmt, c command) bool {
	return func(s *syntax.Stmt, c command) bool { return f.asksIn(s, c, until.has(s.Pos().Offset())) }
}

// asksIn: who waits until a pidfile is there waits for a start, and while it is there, or until it is not, for the end.
func (f *finder) asksIn(s *syntax.Stmt, c command, until bool) bool {
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
	case "[", "test", "[[": // [[ is a command to a shell that is not bash, busybox's
		if test, is := s.Cmd.(*syntax.TestClause); is {
			return f.testAsks(test.X, s.Negated != until)
		}
		for i, w := range c.args {
			if f.namesProcess(w) {
				return true
			}
			if i > 0 && f.isPidfile(w) && (s.Negated != negatedTest(c.args)) == until {
				switch literalStart(c.args[i-1]) {
				case "-e", "-f", "-s", "-r":
					return true
				}
			}
		}
	}
	return false
}

func (f *finder) namesProcess(w *syntax.Word) bool {
	return slices.ContainsFunc(f.values(w), func(v string) bool {
		return asksByNumber.Compiled().MatchString(v) && !isKnown(f.numberOf(w))
	})
}

// testAsks: bash's test does.
func (f *finder) testAsks(x syntax.TestExpr, negated bool) bool {
	switch x := x.(type) {
	case *syntax.Word:
		return f.namesProcess(x)
	case *syntax.ParenTest:
		return f.testAsks(x.X, negated)
	case *syntax.BinaryTest:
		return f.testAsks(x.X, negated) || f.testAsks(x.Y, negated)
	case *syntax.UnaryTest:
		switch x.Op {
		case syntax.TsNot:
			return f.testAsks(x.X, !negated)
		case syntax.TsExists, syntax.TsRegFile, syntax.TsNoEmpty, syntax.TsRead:
			if w, is := x.X.(*syntax.Word); is && f.isPidfile(w) {
				return !negated
			}
		}
		return f.testAsks(x.X, negated)
	}
	return false
}

func negatedTest(args []*syntax.Word) bool {
	return len(args) > 0 && literalStart(args[0]) == "!"
}
