package audit

import (
	"slices"

	"mvdan.cc/sh/v3/syntax"
)

// What kill says of a number that nobody has, a script may read: kill -0 $(cat F) 2>&1 | grep. What replaces it says
// something else, or nothing.

// hearing is where a script reads what is printed in it, and where stderr goes with stdout, in bytes.
type hearing struct{ readers, merged []nodeRange }

func (f *finder) lookForHearing() *hearing {
	h := &hearing{}
	for _, file := range f.script.files {
		walk(file, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.CmdSubst:
				h.readers = append(h.readers, spanOf(n))
			case *syntax.BinaryCmd:
				if n.Op == syntax.Pipe || n.Op == syntax.PipeAll {
					h.readers = append(h.readers, spanOf(n.X))
				}
				if n.Op == syntax.PipeAll {
					h.merged = append(h.merged, spanOf(n.X))
				}
			case *syntax.Stmt:
				if complaintsKept(n) {
					h.merged = append(h.merged, spanOf(n))
				}
			}
			return true
		})
	}
	return h
}

// heard: what a command says on stderr is read by the script, where it stands, or where its function is called.
func (f *finder) heard(n syntax.Node, depth int) bool {
	h, at := f.hearing(), n.Pos().Offset()
	for _, reader := range h.readers {
		if reader.has(at) && slices.ContainsFunc(h.merged, func(m nodeRange) bool { return m.has(at) && reader.from <= m.from && m.to <= reader.to }) {
			return true
		}
	}
	in := f.inside(n)
	return in != "" && (depth > calledThrough || slices.ContainsFunc(f.callsOf[in], func(call *syntax.CallExpr) bool { return f.heard(call, depth+1) }) ||
		slices.ContainsFunc(h.merged, func(m nodeRange) bool { return m.has(at) }) && f.heardCalls(in))
}

// heardCalls: a function's stdout is read, with which its stderr goes.
func (f *finder) heardCalls(in string) bool {
	return slices.ContainsFunc(f.callsOf[in], func(call *syntax.CallExpr) bool { return anyHas(f.hearing().readers, call.Pos().Offset()) })
}
