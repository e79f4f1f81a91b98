package audit

import (
	"sort"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// noteCall keeps with what a function is called, which words name pidfiles, and aliases.
func (src *source) noteCall(call *syntax.CallExpr) {
	if len(call.Args) == 0 {
		return
	}
	name := call.Args[0].Lit()
	if src.functions[name] != nil {
		src.called[name] = append(src.called[name], call.Args[1:]...)
		src.callsOf[name] = append(src.callsOf[name], call)
	}
	if name == "alias" {
		for _, word := range call.Args[1:] {
			for _, v := range src.values(word) {
				if alias, text, is := strings.Cut(v, "="); is {
					src.aliases[alias] = text
				}
			}
		}
	}
	for _, c := range src.commands(call) {
		switch c.name {
		case "start-stop-daemon", "killproc", "pidofproc", "status_of_proc", "start_daemon", "checkproc", "startproc":
			if word := optionValue(src, c.args, "-p", "--pidfile"); word != nil {
				src.pidfiles[textOf(word)] = true
				for _, name := range variablesOf(word) {
					if len(word.Parts) == 1 {
						src.pidfiles[name] = true
					}
				}
			}
		}
	}
}

// allArguments is "$@".
func allArguments(at syntax.Node) *syntax.Word {
	return &syntax.Word{Parts: []syntax.WordPart{&syntax.ParamExp{Dollar: at.Pos(), Short: true, Param: &syntax.Lit{ValuePos: at.Pos(), ValueEnd: at.Pos(), Value: "@"}}}}
}

// inside is the function that a place is in, the innermost one, "" for none.
func (src *source) inside(n syntax.Node) string {
	from, to := n.Pos().Offset(), n.End().Offset()
	i := sort.Search(len(src.own), func(i int) bool { return src.own[i].Pos().Offset() > from }) - 1
	for ; i >= 0 && src.ends[i] >= to; i-- {
		if src.own[i].End().Offset() >= to {
			return src.own[i].Name.Value
		}
	}
	return ""
}
