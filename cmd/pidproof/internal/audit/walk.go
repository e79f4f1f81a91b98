package audit

import "mvdan.cc/sh/v3/syntax"

// walk is syntax.Walk for a && b && c ... of any length: the parser has such a chain as deep as it is long, and a stack as
// deep is copied and searched again each time that it grows. Nothing is told where a node ends. In forty places it would
// be compiled forty times.
//
//go:noinline
func walk(node syntax.Node, visit func(syntax.Node) bool) {
	syntax.Walk(node, func(n syntax.Node) bool {
		if n == nil {
			return false
		}
		if s, is := n.(*syntax.Stmt); is && isChain(s) {
			walkChain(s, visit)
			return false
		}
		return visit(n)
	})
}

func isChain(s *syntax.Stmt) bool {
	b, is := s.Cmd.(*syntax.BinaryCmd)
	if !is {
		return false
	}
	_, is = b.X.Cmd.(*syntax.BinaryCmd)
	return is
}

// walkChain goes down the left sides, and then through the right ones, from the first to the last.
func walkChain(s *syntax.Stmt, visit func(syntax.Node) bool) {
	var behind []func()
	for {
		if !visit(s) {
			break
		}
		for i := range s.Comments {
			visit(&s.Comments[i])
		}
		for _, r := range s.Redirs {
			behind = append(behind, func() { walk(r, visit) })
		}
		b, is := s.Cmd.(*syntax.BinaryCmd)
		if !is {
			if s.Cmd != nil {
				walk(s.Cmd, visit)
			}
			break
		}
		if !visit(b) {
			break
		}
		behind = append(behind, func() { walk(b.Y, visit) })
		s = b.X
	}
	for i := len(behind) - 1; i >= 0; i-- {
		behind[i]()
	}
}
