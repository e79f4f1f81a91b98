package audit

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

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
	walk(s, func(n syntax.Node) bool {
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

func isRead(call *syntax.CallExpr) bool { return len(call.Args) > 0 && call.Args[0].Lit() == "read" }

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
	names := call.Args[1:]
	if len(names) == 0 || strings.HasPrefix(literalStart(names[len(names)-1]), "-") {
		names = append(slices.Clone(names), &syntax.Word{Parts: []syntax.WordPart{&syntax.Lit{ValuePos: call.Pos(), ValueEnd: call.End(), Value: "REPLY"}}})
	}
	for i, name := range names {
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
