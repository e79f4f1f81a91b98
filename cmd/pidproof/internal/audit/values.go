package audit

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// unknown stands in a value for what is not known before the script runs.
const unknown = "\x00"

const valueLimit = 8 // of a word, each once

// values are what a word may be, as far as it can be told from the script.
func (src *source) values(word *syntax.Word) []string {
	if word == nil {
		return nil
	}
	return src.valuesOf(word.Parts, map[string]bool{}, false)
}

func (src *source) valuesOf(parts []syntax.WordPart, seen map[string]bool, quoted bool) []string {
	values := []string{""}
	for i, p := range parts {
		if q, is := p.(*syntax.SglQuoted); is && i > 0 && strings.Contains(q.Value, `\`) {
			if before, is := parts[i-1].(*syntax.Lit); is && strings.HasSuffix(before.Value, "$") {
				return []string{unknown} // what it is to bash, and to POSIX since 2024
			}
		}
		values = joined(values, src.partValues(p, seen, quoted))
	}
	return values
}

func joined(before, after []string) (values []string) {
	for _, b := range before {
		for _, a := range after {
			if len(values) == valueLimit {
				return values
			}
			values = append(values, b+a)
		}
	}
	return values
}

func (src *source) partValues(p syntax.WordPart, seen map[string]bool, quoted bool) []string {
	if src.spent() {
		return []string{unknown}
	}
	switch p := p.(type) {
	case *syntax.Lit:
		return []string{unescaped(p.Value, quoted)}
	case *syntax.SglQuoted:
		if p.Dollar && strings.Contains(p.Value, `\`) { // $'\x6bill'
			return []string{unknown}
		}
		return []string{p.Value}
	case *syntax.DblQuoted:
		return src.valuesOf(p.Parts, seen, true)
	case *syntax.ParamExp:
		return src.paramValues(p, seen)
	case *syntax.CmdSubst:
		return src.outputs(p, seen)
	}
	return []string{unknown}
}

// unescaped: a backslash quotes what follows; within double quotes only some of it, see
// "Quoting" of POSIX's shell language.
func unescaped(text string, quoted bool) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) && (!quoted || strings.IndexByte("$`\"\\\n", text[i+1]) >= 0) {
			if i++; text[i] == '\n' {
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

func (src *source) paramValues(p *syntax.ParamExp, seen map[string]bool) (values []string) {
	name := p.Param.Value
	if seen[name] {
		if p.Exp != nil && p.Exp.Word != nil && (p.Exp.Op == syntax.DefaultUnset || p.Exp.Op == syntax.DefaultUnsetOrNull) {
			return src.valuesOf(p.Exp.Word.Parts, seen, false) // K=${K:-kill}
		}
		return append(src.constants(p), unknown)
	}
	seen[name] = true
	defer delete(seen, name)
	if p.Excl && p.Names == 0 {
		return src.named(name, seen)
	}
	if name == "IFS" && len(src.assigned[name]) == 0 {
		return []string{" "}
	}
	for _, word := range src.assigned[name] {
		if len(values) < valueLimit {
			values = append(values, src.valuesOf(word.Parts, seen, false)...)
		}
	}
	for _, word := range src.appended[name] { // K+=all
		if more := joined(values, src.valuesOf(word.Parts, seen, false)); len(values) < valueLimit {
			values = append(values, more...)
		}
	}
	if p.Exp != nil && p.Exp.Word != nil {
		switch p.Exp.Op {
		case syntax.DefaultUnset, syntax.DefaultUnsetOrNull, syntax.AssignUnset, syntax.AssignUnsetOrNull:
			values = append(values, src.valuesOf(p.Exp.Word.Parts, seen, false)...)
		case syntax.AlternateUnset, syntax.AlternateUnsetOrNull: // ${X:+kill}
			values = src.valuesOf(p.Exp.Word.Parts, seen, false)
		case syntax.RemLargePrefix: // ${X##*/} is basename
			if src.lit(p.Exp.Word) == "*/" {
				for i, v := range values {
					values[i] = path.Base(v)
				}
				break
			}
			return []string{unknown}
		default:
			return []string{unknown}
		}
	}
	if p.Repl != nil || p.Slice != nil || p.Length || len(values) == 0 {
		return []string{unknown}
	}
	if p.Exp != nil && p.Exp.Word == nil {
		switch p.Exp.Op {
		case syntax.UpperAll:
			return mapped(values, strings.ToUpper)
		case syntax.LowerAll:
			return mapped(values, strings.ToLower)
		case syntax.UpperFirst, syntax.LowerFirst, syntax.OtherParamOps:
			return []string{unknown}
		}
	}
	return values[:min(len(values), valueLimit)]
}

// constants are what a variable may be where its own value is made of it: K=kill K=${K}all.
func (src *source) constants(p *syntax.ParamExp) (values []string) {
	if !plainParam(p) {
		return nil
	}
	for _, word := range src.assigned[p.Param.Value] {
		if word != nil && len(values) < valueLimit-1 && len(variablesOf(word)) == 0 && !hasCommand(word) {
			values = append(values, src.valuesOf(word.Parts, nil, false)...)
		}
	}
	return values
}

// named is what ${!NAME} is: the value of the variable whose name the variable has.
func (src *source) named(name string, seen map[string]bool) (values []string) {
	for _, word := range src.assigned[name] {
		for _, other := range src.valuesOf(word.Parts, seen, false) {
			switch {
			case len(values) == valueLimit:
			case variableName.Compiled().MatchString(other):
				values = append(values, src.paramValues(&syntax.ParamExp{Param: &syntax.Lit{Value: other}}, seen)...)
			default:
				values = append(values, unknown)
			}
		}
	}
	if len(values) == 0 {
		return []string{unknown}
	}
	return values[:min(len(values), valueLimit)]
}

func mapped(values []string, to func(string) string) []string {
	for i, v := range values {
		values[i] = to(v)
	}
	return values[:min(len(values), valueLimit)]
}

func (src *source) lit(word *syntax.Word) string {
	if len(word.Parts) != 1 {
		return ""
	}
	if lit, is := word.Parts[0].(*syntax.Lit); is {
		return lit.Value
	}
	return ""
}

// outputs knows the few commands that scripts make paths with.
func (src *source) outputs(c *syntax.CmdSubst, seen map[string]bool) []string {
	if len(c.Stmts) != 1 {
		return []string{unknown}
	}
	call, is := c.Stmts[0].Cmd.(*syntax.CallExpr)
	if !is || len(call.Args) < 2 {
		return []string{unknown}
	}
	last := call.Args[len(call.Args)-1]
	switch call.Args[0].Lit() {
	case "basename":
		if len(call.Args) == 2 {
			values := src.valuesOf(last.Parts, seen, false)
			for i, v := range values {
				values[i] = path.Base(v)
			}
			return values
		}
	case "printf":
		if args := call.Args[1:]; len(args) == 1 || len(args) == 2 && literalText(args[0]) == "%s" {
			if values := src.valuesOf(last.Parts, seen, false); len(args) == 2 || !slices.ContainsFunc(values, func(v string) bool { return strings.ContainsAny(v, `%\`) }) {
				return values
			}
		}
	case "kill": // in a condition, if $(kill -0 "$pid"); then, it is asked for its status
		if option := literalStart(call.Args[1]); !strings.HasPrefix(option, "-l") && !strings.HasPrefix(option, "-L") && option != "--list" && option != "--table" {
			return []string{""}
		}
	case "echo":
		if args := call.Args[1:]; len(args) > 1 && literalStart(args[0]) != "-n" && literalStart(args[0]) != "-e" {
			return src.valuesOf(spaced(args), seen, false)
		}
		return src.valuesOf(last.Parts, seen, false)
	case "which", "readlink", "realpath":
		return src.valuesOf(last.Parts, seen, false)
	case "command", "type":
		if option := call.Args[1].Lit(); option == "-v" || option == "-p" || option == "-P" {
			return src.valuesOf(last.Parts, seen, false)
		}
	}
	return []string{unknown}
}
