package audit

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

func (f *finder) numbersOf(words []*syntax.Word) (n number) {
	for _, w := range words {
		n.add(f.numberOf(w))
	}
	return n
}

func (f *finder) kill(s *syntax.Stmt, c command) {
	signal, targets := killArguments(f.source, c.args)
	if signal == "list" {
		return
	}
	var n number
	unclear := len(targets) == 0 // xargs has them
	for _, w := range targets {
		its := f.numberOf(w)
		n.add(its)
		unclear = unclear || its.from == 0 && f.someNumber(w)
	}
	kind := Kill
	switch {
	case n.from&^(ofChild|ofSelf|ofPatch) == 0 && !unclear:
		return
	case n.from == fromProof && !unclear:
		kind = TestThenAct
	}
	if signal == "0" {
		if kind = Kill0; n.from == fromProof {
			return
		}
	}
	found := f.add(s, kind, "")
	if c.plain && len(targets) == 1 {
		f.replaceable(found, s, targets[0])
		f.inSkeleton(found, s)
		found.signal = signal
	}
}

// someNumber: of a process that nobody knows, or one that is written down. Not the jobs that
// the shell itself has started, and not 0, its own group.
func (f *finder) someNumber(w *syntax.Word) bool {
	if len(variablesOf(w)) > 0 || hasCommand(w) && !strings.Contains(textOf(w), "jobs -p") {
		return true
	}
	return slices.ContainsFunc(f.values(w), func(v string) bool {
		return v == "{}" || strings.Contains(v, unknown) && !hasCommand(w) || strings.Trim(v, "-0") != "" && strings.Trim(v, "-0123456789") == ""
	})
}

// signalWord is the variable in kill -$1 N, for a replacement.
func signalWord(args []*syntax.Word) (string, bool) {
	if len(args) == 0 || len(args[0].Parts) != 2 || literalStart(args[0]) != "-" {
		return "", false
	}
	p, is := args[0].Parts[1].(*syntax.ParamExp)
	if !is || !plainParam(p) {
		return "", false
	}
	return `"$` + p.Param.Value + `"`, true
}

// signalOf is the signal behind -s, "" where nobody knows it before the script runs.
func (src *source) signalOf(w *syntax.Word) string {
	if values := src.values(w); len(values) == 1 && src.certain(w) {
		return values[0]
	}
	if p, is := only(w).(*syntax.ParamExp); is && plainParam(p) {
		return `"$` + p.Param.Value + `"`
	}
	return ""
}

// certain: a word is what the script says that it is, and no ${1:-HUP}, which may be another.
func (src *source) certain(w *syntax.Word) bool {
	for _, part := range w.Parts {
		switch part := part.(type) {
		case *syntax.Lit, *syntax.SglQuoted:
		case *syntax.DblQuoted:
			if !src.certain(&syntax.Word{Parts: part.Parts}) {
				return false
			}
		case *syntax.ParamExp:
			its := src.assigned[part.Param.Value]
			if !plainParam(part) || len(its) != 1 || its[0] == nil || variablesOf(its[0]) != nil || hasCommand(its[0]) || len(its[0].Parts) != 1 {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// killArguments takes kill's words apart: kill -9 N, kill -s HUP N, kill -HUP -- -N.
func killArguments(src *source, args []*syntax.Word) (signal string, targets []*syntax.Word) {
	signal = "TERM"
	for i := 0; i < len(args); i++ {
		text := ""
		if word, is := signalWord(args[i:]); is && len(targets) == 0 && i+1 < len(args) {
			signal = word
			continue
		}
		if values := src.values(args[i]); len(values) == 1 {
			text = values[0]
		}
		switch {
		case text == "--":
			return signal, append(targets, args[i+1:]...)
		case text == "-l" || text == "-L":
			return "list", nil
		case (text == "-s" || text == "-n") && i+1 < len(args):
			i++
			signal = src.signalOf(args[i])
		case len(text) > 1 && text[0] == '-' && len(targets) == 0 && text[1] != unknown[0]:
			signal = ""
			if src.certain(args[i]) {
				signal = strings.TrimPrefix(text[1:], "SIG")
			}
		default:
			targets = append(targets, args[i])
		}
	}
	return signal, targets
}
