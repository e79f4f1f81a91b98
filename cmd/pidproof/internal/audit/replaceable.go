package audit

import (
	"slices"

	"mvdan.cc/sh/v3/syntax"
)

// replaceable notes what a replacement needs: the statement, and the pidfile that the number
// in one of its words was read from.
func (f *finder) replaceable(found *Finding, s *syntax.Stmt, w *syntax.Word) {
	if w == nil || f.script.unpatched {
		return
	}
	read, is := f.here(s, w)
	if !is {
		f.held(found, w)
		return
	}
	found.held = read.held
	found.pidfileWord, found.pidfile, found.begins = read.pidfile, textOf(read.pidfile), f.beginning(read.pidfile)
	found.node, found.silent, found.kept = rangeOf(s), complaintsDropped(s), complaintsKept(s)
	found.in = f.inside(s)
}

// here: the place can be replaced where it is.
func (f *finder) here(s *syntax.Stmt, w *syntax.Word) (reading, bool) {
	call, is := s.Cmd.(*syntax.CallExpr)
	if !is || s.Background || s.Coprocess || len(call.Assigns) > 0 {
		return reading{}, false
	}
	if slices.ContainsFunc(s.Redirs, func(r *syntax.Redirect) bool { return !quiet(r) || toAnother(r) }) {
		return reading{}, false
	}
	if !complaintsDropped(s) && f.heard(s, 0) {
		return reading{}, false
	}
	read, is := f.exact(w, s)
	if !is || f.oneOfMany(s, read.pidfile) {
		return reading{}, false
	}
	// A number that was read before may still be the daemon's when its pidfile has gone: who
	// waits for its end, or ends it at last, goes on by the number.
	return read, !read.held || !f.inWaitLoop(s) && !f.endsAtLast(call)
}

// endsAtLast: it is kill -9.
func (f *finder) endsAtLast(call *syntax.CallExpr) bool {
	return slices.ContainsFunc(f.commands(call), func(c command) bool {
		signal, _ := killArguments(f.source, c.args)
		return c.name == "kill" && (signal == "KILL" || signal == "9")
	})
}

func (f *finder) inWaitLoop(s *syntax.Stmt) bool {
	at := int(s.Pos().Offset())
	return slices.ContainsFunc(f.waits(), func(loop nodeRange) bool { return loop.from <= at && at < loop.to })
}

// lookForWaits are the loops that sleep.
func (f *finder) lookForWaits() (waits []nodeRange) {
	for _, file := range f.script.files {
		walk(file, func(n syntax.Node) bool {
			switch n.(type) {
			case *syntax.WhileClause, *syntax.ForClause:
				if f.calls(n, 3, sleeps) {
					waits = append(waits, nodeRange{int(n.Pos().Offset()), int(n.End().Offset())})
				}
			}
			return true
		})
	}
	return waits
}

// rangeOf is a statement without its "!" and the semicolon behind it.
func rangeOf(s *syntax.Stmt) nodeRange {
	from, to := int(s.Cmd.Pos().Offset()), int(s.Cmd.End().Offset())
	for _, r := range s.Redirs {
		from, to = min(from, int(r.Pos().Offset())), max(to, int(r.End().Offset()))
	}
	return nodeRange{from, to}
}

// waitsByNumber: tail --pid=N and waitpid(1) wait for the end of whoever has a number.
func (f *finder) waitsByNumber(s *syntax.Stmt, c command) {
	var word *syntax.Word
	switch {
	case c.name == "tail":
		word = optionValue(f.source, c.args, "--pid", "--pid")
	case c.name == "waitpid" && len(c.args) > 0:
		word = c.args[len(c.args)-1]
	}
	if word == nil {
		return
	}
	if n := f.numberOf(word); n.from != ofChild && !isKnown(n) {
		f.add(s, WaitLoop, "")
	}
}
