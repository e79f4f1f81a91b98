package audit

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// What a function is called with, and what "set" gives a function or the script, may be what is run: run() { "$@"; }, $2 $1.

// ran is a positional parameter that stands where a command does, by itself, behind variables, or in a text for eval.
type ran struct {
	index         int // 0: it may be any
	before, after string
}

const anyArgument = 0

const ranLimit = 32 // of a function; the first ones

// lookForRan has them by the function whose parameters they are, "" for the script's own.
func (src *source) lookForRan() {
	src.ran, src.shifts = map[string][]ran{}, map[string]bool{}
	for _, file := range src.script.files {
		walk(file, func(n syntax.Node) bool {
			call, is := n.(*syntax.CallExpr)
			if !is || len(call.Args) == 0 {
				return true
			}
			words := call.Args[:1]
			if asksWhere(command{name: call.Args[0].Lit(), args: call.Args[1:]}) {
				return true
			}
			switch path.Base(call.Args[0].Lit()) {
			case "shift", "set":
				src.shifts[src.inside(call)] = true
			case "eval", "exec", "command", "builtin", "env", "nohup", "nice", "setsid", "sudo", "time", "busybox", "sh", "bash", "dash", "su", "runuser", "trap", "timeout":
				words = call.Args[1:]
			}
			for _, w := range words {
				src.noteRan(w.Parts, "", "", map[string]bool{})
			}
			return src.steps <= stepLimit
		})
	}
	for range calledThrough {
		for _, f := range src.own {
			if name := f.Name.Value; len(src.ran[name]) > 0 {
				src.handOn(src.callsOf[name])
			}
		}
	}
}

// handOn: a function that calls one that runs its arguments, and with its own, runs those.
func (src *source) handOn(calls []*syntax.CallExpr) {
	for _, call := range calls {
		for _, w := range call.Args[1:] {
			src.noteRan(w.Parts, "", "", map[string]bool{})
		}
	}
}

// noteRan notes the parameters that a word has, with what is written before and behind each.
func (src *source) noteRan(parts []syntax.WordPart, before, after string, seen map[string]bool) {
	for i, part := range parts {
		switch part := part.(type) {
		case *syntax.DblQuoted:
			src.noteRan(part.Parts, before+literalParts(parts[:i]), literalParts(parts[i+1:])+after, seen)
		case *syntax.ParamExp:
			src.noteParam(part, ran{before: before + literalParts(parts[:i]), after: literalParts(parts[i+1:]) + after}, seen)
		}
	}
}

func (src *source) noteParam(p *syntax.ParamExp, its ran, seen map[string]bool) {
	name := p.Param.Value
	if positional(name) || name == "#" && p.Excl {
		if len(name) == 1 && name[0] >= '1' && name[0] <= '9' {
			its.index = int(name[0] - '0')
		}
		if in := src.inside(p); len(src.ran[in]) < ranLimit && !slices.Contains(src.ran[in], its) {
			src.ran[in] = append(src.ran[in], its)
		}
		return
	}
	if seen[name] || src.spent() {
		return
	}
	seen[name] = true
	for _, w := range src.nearest(src.assigned[name], p) {
		if w != nil {
			src.noteRan(w.Parts, its.before, its.after, seen)
		}
	}
}

// literalParts is what is written in them, up to and from the next blank: of a text for eval, one word counts.
func literalParts(parts []syntax.WordPart) string {
	if len(parts) == 0 {
		return ""
	}
	text := literalText(&syntax.Word{Parts: parts})
	if strings.ContainsAny(text, " \t\n;&|"+unknown) {
		return ""
	}
	return text
}

// namesInText: behind a "=", eval is given a name.
func namesInText(text string) bool {
	_, value, is := strings.Cut(text, "=")
	return is && slices.Contains(askers, path.Base(strings.Trim(value, `"'`)))
}

// argumentsOfText are the commands among what stands behind the text for sh -c, where the text runs that: sh -c '"$@"' x kill 1.
func (src *source) argumentsOfText(text *syntax.Word, args []*syntax.Word) (found []command) {
	at := slices.Index(args, text)
	if at < 0 || at+1 == len(args) || !ownArguments.Compiled().MatchString(textOf(text)) {
		return nil
	}
	for i, arg := range args[at+1:] {
		for _, value := range src.values(arg) {
			if name := path.Base(value); slices.Contains(askers, name) || fitsAsker(name) {
				found = append(found, command{name: unknown, text: true, args: args[at+1+i:]})
			}
		}
	}
	return found
}

var ownArguments = pattern(`\$\{?[0-9@*]`)

func mayBeNumber(w *syntax.Word) bool {
	return len(variablesOf(w)) > 0 || hasCommand(w) || strings.Trim(w.Lit(), "0123456789") != w.Lit()
}

// asArguments are the commands among words that a function is called with, or set is given.
func (src *source) asArguments(args []*syntax.Word, in string) (found []command) {
	if src.ran == nil {
		src.lookForRan()
	}
	for i, arg := range args {
		if len(src.ran[in]) == 0 || src.spent() {
			return found
		}
		others := slices.Delete(slices.Clone(args), i, i+1)
		for _, value := range src.values(arg) {
			words := src.split(value)
			for _, r := range src.ran[in] {
				if len(words) == 0 || r.index != anyArgument && r.index != i+1 && in != "" && !src.shifts[in] {
					continue
				}
				switch name := path.Base(r.before + words[0] + r.after); {
				case name == "kill" && !slices.ContainsFunc(others, mayBeNumber): // it is somewhere else
					found = append(found, command{name: name})
				case slices.Contains(askers, name) || name == "start-stop-daemon":
					found = append(found, command{name: name, args: others})
				case fitsAsker(name), namesInText(name): // eval "$1=kill"
					found = append(found, command{name: unknown, text: true})
				}
			}
		}
	}
	return found
}
