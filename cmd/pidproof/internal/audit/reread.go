package audit

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// What a shell reads once more: the text of sh -c, eval, trap and an alias.

// unclear: what eval runs first is a text that is made up when the script runs.
func unclear(found []command) []command {
	for i := range found {
		if found[i].name == unknown {
			found[i].text = true
		}
	}
	return found
}

func spaced(words []*syntax.Word) (parts []syntax.WordPart) {
	for i, w := range words {
		if i > 0 {
			parts = append(parts, &syntax.Lit{Value: " "})
		}
		parts = append(parts, w.Parts...)
	}
	return parts
}

func textsOf(words []*syntax.Word) string {
	var texts []string
	for _, w := range words {
		texts = append(texts, textOf(w))
	}
	return strings.Join(texts, " ")
}

// rereadWord is a word that is read as a script: what is quoted in it is taken as it stands,
// and a variable of unknown value as that variable.
func (src *source) rereadWord(word *syntax.Word, left int) []command {
	var b strings.Builder
	src.writeScript(&b, word.Parts, false)
	found := src.reread(b.String(), left, strings.Contains(b.String(), unknown))
	if _, is := only(word).(*syntax.CmdSubst); is { // sh -c "$(cat FILE)"
		return unclear(found)
	}
	return found
}

func (src *source) writeScript(b *strings.Builder, parts []syntax.WordPart, quoted bool) {
	for _, p := range parts {
		switch p := p.(type) {
		case *syntax.Lit:
			b.WriteString(unescaped(p.Value, quoted))
		case *syntax.SglQuoted:
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			src.writeScript(b, p.Parts, true)
		case *syntax.ParamExp:
			values := src.paramValues(p, map[string]bool{})
			if len(values) == 1 && !strings.Contains(values[0], unknown) && strings.ContainsAny(values[0], " \t;&|$`") {
				b.WriteString(values[0]) // a command line in a variable
				break
			}
			b.WriteString("${" + p.Param.Value + "}")
		case *syntax.CmdSubst:
			b.WriteString(textOf(&syntax.Word{Parts: []syntax.WordPart{p}}))
		default:
			b.WriteString(unknown)
		}
	}
}

// rereadStep is how many bytes are parsed in about the time of a step.
const rereadStep = 4

// reread parses a text that a shell would read again. What cannot be parsed cannot be told.
func (src *source) reread(text string, left int, opaque bool) []command {
	// An alias that names itself ten times is a million after six times.
	if src.steps += len(text) / rereadStep; opaque || src.spent() || readable(text) != nil {
		return []command{{name: unknown, text: true}}
	}
	f, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
	if err != nil {
		return []command{{name: unknown, text: true}}
	}
	found := []command{{name: "", inner: f}}
	walk(f, func(n syntax.Node) bool {
		if call, is := n.(*syntax.CallExpr); is && len(call.Args) > 0 {
			found = append(found, src.lead(call.Args, left-1, false)...)
		}
		return src.steps <= stepLimit
	})
	return found
}
