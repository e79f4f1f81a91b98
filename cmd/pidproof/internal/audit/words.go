package audit

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// optionValue is the value of an option that has one: "-p F", "-pF", "--pidfile F" or
// "--pidfile=F".
func optionValue(src *source, args []*syntax.Word, short, long string) *syntax.Word {
	for i, word := range args {
		text := literalStart(word)
		switch {
		case text == "--" && len(word.Parts) == 1:
			return nil
		case (text == short || text == long) && len(word.Parts) == 1 && i+1 < len(args):
			return args[i+1]
		case strings.HasPrefix(text, long+"=") || strings.HasPrefix(text, short) && !strings.HasPrefix(text, "--"):
			cut := long + "="
			if !strings.HasPrefix(text, cut) {
				cut = short
			}
			rest := &syntax.Word{Parts: slices.Clone(word.Parts)}
			if lit, is := word.Parts[0].(*syntax.Lit); is {
				first := *lit
				first.Value = strings.TrimPrefix(lit.Value, cut)
				first.ValuePos = syntax.NewPos(lit.Pos().Offset()+uint(len(cut)), lit.Pos().Line(), lit.Pos().Col()+uint(len(cut)))
				rest.Parts[0] = &first
				if first.Value == "" {
					rest.Parts = rest.Parts[1:]
				}
			}
			if len(rest.Parts) > 0 {
				return rest
			}
		}
	}
	return nil
}

func literalStart(word *syntax.Word) string {
	if len(word.Parts) == 0 {
		return ""
	}
	if lit, is := word.Parts[0].(*syntax.Lit); is {
		return lit.Value
	}
	return ""
}

// textOf is a node as a shell reads it, on one line where that is possible.
func textOf(n syntax.Node) string {
	var b strings.Builder
	if err := syntax.NewPrinter(syntax.Minify(false), syntax.SingleLine(true)).Print(&b, n); err != nil {
		return ""
	}
	return strings.TrimSpace(b.String())
}

// variablesOf are the names of the variables that a word is made of.
func variablesOf(word *syntax.Word) (names []string) {
	for _, part := range word.Parts {
		switch part := part.(type) {
		case *syntax.ParamExp:
			names = append(names, part.Param.Value)
		case *syntax.DblQuoted:
			names = append(names, variablesOf(&syntax.Word{Parts: part.Parts})...)
		}
	}
	return names
}
