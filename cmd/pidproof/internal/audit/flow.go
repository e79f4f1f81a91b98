package audit

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// What follows tells what may be run before what, where a script's text tells it: outside of its functions it runs once,
// from its beginning to its end, and of an if or a case one arm.

// flow is where a script's text branches and repeats, in bytes.
type flow struct {
	arms  [][]nodeRange // of each if and each case
	loops []nodeRange

	bodies []nodeRange // functions
}

func (f *finder) lookForFlow() *flow {
	l := &flow{}
	for _, file := range f.script.files {
		walk(file, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.IfClause:
				if len(n.Then) > 0 && n.Else != nil {
					l.arms = append(l.arms, []nodeRange{statements(n.Then), spanOf(n.Else)})
				}
			case *syntax.CaseClause:
				l.arms = append(l.arms, caseArms(n))
			case *syntax.WhileClause, *syntax.ForClause:
				l.loops = append(l.loops, spanOf(n))
			case *syntax.FuncDecl:
				l.bodies = append(l.bodies, spanOf(n))
			}
			return true
		})
	}
	return l
}

// caseArms: none where one falls through into the next.
func caseArms(n *syntax.CaseClause) (arms []nodeRange) {
	for i, item := range n.Items {
		if item.Op != syntax.Break && i+1 < len(n.Items) {
			return nil
		}
		if len(item.Stmts) > 0 {
			arms = append(arms, statements(item.Stmts))
		}
	}
	return arms
}

func spanOf(n syntax.Node) nodeRange { return nodeRange{int(n.Pos().Offset()), int(n.End().Offset())} }

func statements(list []*syntax.Stmt) nodeRange {
	return nodeRange{int(list[0].Pos().Offset()), int(list[len(list)-1].End().Offset())}
}

func (r nodeRange) has(at uint) bool { return r.from <= int(at) && int(at) < r.to }

func anyHas(ranges []nodeRange, at uint) bool {
	return slices.ContainsFunc(ranges, func(r nodeRange) bool { return r.has(at) })
}

// exclusive: they are in two arms of one if or case.
func (l *flow) exclusive(a, b uint) bool {
	return slices.ContainsFunc(l.arms, func(arms []nodeRange) bool {
		return slices.ContainsFunc(arms, func(arm nodeRange) bool {
			return arm.has(a) && !arm.has(b) && anyHas(arms, b)
		})
	})
}

// precedes: what is at a may have been run before what is at b. In a function, nothing is known of that.
func (l *flow) precedes(a, b uint) bool {
	if anyHas(l.bodies, a) || anyHas(l.bodies, b) {
		return true
	}
	if slices.ContainsFunc(l.loops, func(loop nodeRange) bool { return loop.has(a) && loop.has(b) }) {
		return true
	}
	return a < b && !l.exclusive(a, b)
}

// reaching are the words that a variable may have at a place outside of functions.
func (f *finder) reaching(words []*syntax.Word, at syntax.Node) []*syntax.Word {
	if len(words) < 2 || f.inside(at) != "" {
		return words
	}
	if f.steps += len(words) / 4; f.spent() {
		return words
	}
	e, l := f.events(), f.flow()
	return slices.DeleteFunc(slices.Clone(words), func(w *syntax.Word) bool {
		return e.words[w] && !l.precedes(w.Pos().Offset(), at.Pos().Offset())
	})
}

// fromTop: the number was read outside of all functions, once, and the function that has the place is called where
// nothing has happened since (inspircd's reload).
func (f *finder) fromTop(name string, read *syntax.Word, at *syntax.Stmt) bool {
	e := f.events()
	in := f.inside(at)
	if in == "" || !e.words[read] || f.inside(read) != "" || len(e.sets[name]) != 1 || e.mentions[name] > 0 || e.dynamic || !f.unconditional(read) {
		return false
	}
	for _, v := range variablesOf(read) {
		if e.mentions[v] > 0 || slices.ContainsFunc(e.sets[v], func(set uint) bool { return set > read.Pos().Offset() }) {
			return false
		}
	}
	return f.calledUndisturbed(in, at.Pos().Offset(), read.End().Offset(), 0)
}

const calledThrough = 4 // functions, one called by the other

// calledUndisturbed: on every way from where the number was read to the place in the function, nothing happens.
func (f *finder) calledUndisturbed(in string, at, read uint, depth int) bool {
	e, l := f.events(), f.flow()
	body := f.functions[in]
	calls := f.callsOf[in]
	if depth > calledThrough || f.spent() || !slices.Contains(f.own, body) || len(calls) == 0 || e.mentions[in] != len(calls)+1 || f.repeated(at, spanOf(body)) {
		return false
	}
	if f.happens(body.Body.Pos().Offset(), at) {
		return false
	}
	for _, call := range calls {
		outer := f.inside(call)
		switch here := call.Pos().Offset(); {
		case outer != "":
			if !f.calledUndisturbed(outer, here, read, depth+1) {
				return false
			}
		case here < read || anyHas(l.loops, here) || f.happens(read, here):
			return false
		}
	}
	return true
}

// repeated: a loop in the function has the place.
func (f *finder) repeated(at uint, body nodeRange) bool {
	return slices.ContainsFunc(f.flow().loops, func(loop nodeRange) bool {
		return loop.has(at) && body.from <= loop.from && loop.to <= body.to
	})
}

// happens: between the two is an act on a way from one to the other. The text of a function between them is not run there.
func (f *finder) happens(from, to uint) bool {
	l := f.flow()
	return slices.ContainsFunc(f.events().acts, func(act uint) bool {
		if act < from || act >= to || l.exclusive(act, to) {
			return false
		}
		return !slices.ContainsFunc(l.bodies, func(body nodeRange) bool { return body.has(act) && !body.has(to) })
	})
}

// unconditional: the number is read by a plain assignment outside of everything, but of an if that asks whether the
// pidfile is there.
func (f *finder) unconditional(read *syntax.Word) bool {
	at := read.Pos().Offset()
	plain := true
	for _, file := range f.script.files {
		walk(file, func(n syntax.Node) bool {
			if n == nil || n.Pos().Offset() > at || at >= n.End().Offset() || !plain {
				return false
			}
			switch n := n.(type) {
			case *syntax.Assign: // what is in it was looked at before
				return false
			case *syntax.IfClause:
				then := len(n.Then) > 0 && statements(n.Then).has(at)
				plain = then && len(n.Cond) == 1 && existenceOf.Compiled().FindStringSubmatch(unquoted(textOf(n.Cond[0]))) != nil &&
					existenceOf.Compiled().FindStringSubmatch(unquoted(textOf(n.Cond[0])))[1] == unquoted(textOf(read))
			case *syntax.Stmt:
				plain = !n.Background && !n.Coprocess
			case *syntax.File, *syntax.CallExpr, *syntax.DeclClause, *syntax.Comment:
			default:
				plain = false
			}
			return plain
		})
	}
	return plain
}

var existenceOf = pattern(`^(?:\[|test) -[efrs] ([^ ]+)(?: \])?;?$`)

func unquoted(text string) string { return strings.ReplaceAll(text, `"`, "") }

// mention counts the names among the script's own words, but for those of variables and of patterns of case: there a
// function may be called, and a variable unset, made local or handed on.
func (e *events) mention(in syntax.Node) {
	walk(in, func(n syntax.Node) bool {
		text := ""
		switch n := n.(type) {
		case *syntax.CaseItem:
			for _, s := range n.Stmts {
				e.mention(s)
			}
			return false
		case *syntax.ParamExp:
			if n.Exp != nil && n.Exp.Word != nil {
				e.mention(n.Exp.Word)
			}
			return false
		case *syntax.Assign:
			switch {
			case n.Naked && n.Name != nil:
				e.mention(n.Name)
			case n.Value != nil:
				e.mention(n.Value)
			case n.Array != nil:
				e.mention(n.Array)
			}
			return false
		case *syntax.Lit:
			text = n.Value
		case *syntax.SglQuoted:
			text = n.Value
		}
		for _, word := range namesIn(text) {
			e.mentions[word]++
		}
		return true
	})
}

// namesIn are the words of a text that may be names: not "pid" in /run/d.pid, which is a part of a path.
func namesIn(text string) (names []string) {
	isName := func(r rune) bool { return strings.ContainsRune(nameRunes, r) }
	for at := 0; at < len(text); {
		length := strings.IndexFunc(text[at:], func(r rune) bool { return !isName(r) })
		if length < 0 {
			length = len(text) - at
		}
		if length > 0 && (at == 0 || text[at-1] != '.' && text[at-1] != '/') {
			names = append(names, text[at:at+length])
		}
		at += max(length, 1)
	}
	return names
}

const nameRunes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
