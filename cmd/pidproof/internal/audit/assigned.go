package audit

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// assignsUnset: ${K:=killall} gives a variable its value from there on.
func assignsUnset(p *syntax.ParamExp) bool {
	return p.Exp != nil && p.Exp.Word != nil && (p.Exp.Op == syntax.AssignUnset || p.Exp.Op == syntax.AssignUnsetOrNull)
}

func (src *source) assign(a *syntax.Assign) {
	if a.Name == nil || a.Naked {
		return
	}
	name := a.Name.Value
	if a.Array != nil {
		for _, e := range a.Array.Elems {
			src.assigned[name] = append(src.assigned[name], e.Value)
		}
		return
	}
	if a.Value == nil { // PIDFILE= is empty until it is set
		if _, is := src.assigned[name]; !is {
			src.assigned[name] = nil
		}
		return
	}
	src.assigned[name] = append(src.assigned[name], a.Value)
	if a.Append {
		src.appended[name] = append(src.appended[name], a.Value)
	}
}

// declareNames: declare -n K=C has C's value wherever K is used.
func (src *source) declareNames(d *syntax.DeclClause) {
	if d.Variant.Value != "nameref" && !slices.ContainsFunc(d.Args, func(a *syntax.Assign) bool {
		return a.Naked && a.Value != nil && strings.HasPrefix(a.Value.Lit(), "-") && strings.Contains(a.Value.Lit(), "n")
	}) {
		return
	}
	for _, a := range d.Args {
		if a.Name == nil || a.Value == nil {
			continue
		}
		src.refer(a.Name.Value, a.Value.Lit(), a)
	}
}

// refer gives a variable the value of another.
func (src *source) refer(name, other string, at syntax.Node) {
	var part syntax.WordPart = &syntax.ArithmExp{Left: at.Pos(), Right: at.End()}
	if variableName.Compiled().MatchString(other) {
		part = &syntax.ParamExp{Dollar: at.Pos(), Short: true, Param: &syntax.Lit{ValuePos: at.Pos(), ValueEnd: at.End(), Value: other}}
	} else {
		src.written[name] = true
	}
	src.assigned[name] = append(src.assigned[name], &syntax.Word{Parts: []syntax.WordPart{part}})
}

// declare: for a shell of POSIX, local, export and readonly are commands like others.
func (src *source) declare(call *syntax.CallExpr) {
	src.writeInto(call)
	src.evalInto(call)
	if len(call.Args) < 2 || !slices.Contains([]string{"local", "export", "readonly", "typeset", "declare", "env"}, call.Args[0].Lit()) {
		return
	}
	reference := literalStart(call.Args[1]) == "-n"
	for _, word := range call.Args[1:] {
		lit, is := word.Parts[0].(*syntax.Lit)
		if !is {
			continue
		}
		name, value, set := strings.Cut(lit.Value, "=")
		if !set || !variableName.Compiled().MatchString(name) {
			continue
		}
		if reference {
			src.refer(name, value, call)
			continue
		}
		rest := &syntax.Word{Parts: slices.Clone(word.Parts)}
		first := *lit
		first.Value = value
		first.ValuePos = syntax.NewPos(lit.Pos().Offset()+uint(len(name))+1, lit.Pos().Line(), lit.Pos().Col()+uint(len(name))+1)
		rest.Parts[0] = &first
		if value == "" {
			rest.Parts = rest.Parts[1:]
		}
		if len(rest.Parts) > 0 {
			src.assigned[name] = append(src.assigned[name], rest)
		}
	}
}

// evalInto: eval K=kill gives a variable what the text says, or what nobody knows.
func (src *source) evalInto(call *syntax.CallExpr) {
	if len(call.Args) < 2 || call.Args[0].Lit() != "eval" {
		return
	}
	for _, m := range assignment.Compiled().FindAllStringSubmatch(literalText(&syntax.CallExpr{Args: call.Args[1:]}), -1) {
		name, value := m[1], m[2]
		var part syntax.WordPart = &syntax.Lit{ValuePos: call.Pos(), ValueEnd: call.End(), Value: strings.Trim(value, `"'`)}
		if strings.Trim(value, nameRunes+`/."'`) != "" || value == "" {
			part = &syntax.ArithmExp{Left: call.Pos(), Right: call.End()}
			src.written[name] = src.written[name] || src.literalEval(call)
		}
		src.assigned[name] = append(src.assigned[name], &syntax.Word{Parts: []syntax.WordPart{part}})
	}
}

// literalEval: what a text for eval makes of a variable is written in it, in some way.
func (src *source) literalEval(call *syntax.CallExpr) bool {
	return !strings.Contains(literalText(&syntax.CallExpr{Args: call.Args[1:]}), unknown)
}

var assignment = pattern(`(?:^|[;&|({ \t\n])([A-Za-z_][A-Za-z0-9_]*)=([^;&| \t\n]*)`)

// writeInto: printf -v K and mapfile K give a variable what is printed.
func (src *source) writeInto(call *syntax.CallExpr) {
	if len(call.Args) < 2 {
		return
	}
	var name string
	switch args := call.Args[1:]; call.Args[0].Lit() {
	case "printf":
		if args[0].Lit() == "-v" && len(args) > 1 {
			name = args[1].Lit()
		}
	case "mapfile", "readarray":
		name = args[len(args)-1].Lit()
	}
	if variableName.Compiled().MatchString(name) {
		src.written[name] = true
		src.assigned[name] = append(src.assigned[name], &syntax.Word{Parts: []syntax.WordPart{&syntax.ArithmExp{Left: call.Pos(), Right: call.End()}}})
	}
}

var variableName = pattern(`^[A-Za-z_][A-Za-z0-9_]*$`)
