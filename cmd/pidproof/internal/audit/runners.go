package audit

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Programs, and functions of the script, that run what their arguments say.

// within follows a program that runs another. Those that have options of their own are
// searched for the first word that is none: what the value of one is taken for does no harm.
func (src *source) within(c command, left int) []command {
	args := c.args
	if asksWhere(c) {
		return nil
	}
	switch c.name {
	case "chrt", "ionice", "taskset", "renice":
		for _, word := range args {
			if text := literalStart(word); strings.HasPrefix(text, "-") && strings.Contains(text, "p") { // of a process that runs
				return nil
			}
		}
		return src.behindOptions(args, left)
	case "exec", "command", "builtin", "nohup", "setsid", "time", "busybox", "toybox", "nice", "env", "sudo", "doas", "stdbuf", "timeout", "xargs", "unshare", "nsenter", "chroot", "setpriv", "run-parts",
		"strace", "ltrace", "systemd-run", "systemd-cat", "chpst", "softlimit", "setuidgid", "prlimit", "watch", "parallel", "pkexec", "gosu", "chronic", "choom", "numactl", "cgexec":
		found := outsideFunctions(append(src.behindOptions(args, left), src.fromSignaller(args, left-1)...))
		if c.name == "xargs" || c.name == "parallel" {
			found = append(found, fromInput(args)...)
		}
		if c.name == "busybox" || c.name == "toybox" || c.name == "chroot" || c.name == "nsenter" {
			for i := range found {
				found[i].elsewhere = true
			}
		}
		return found
	case "find":
		found := src.fromSignaller(args, left)
		for i, w := range args {
			switch w.Lit() {
			case "-exec", "-execdir", "-ok", "-okdir":
				found = append(found, src.lead(behindFind(args[i+1:]), left, false)...)
			}
		}
		return outsideFunctions(found)
	case "flock", "script":
		if text := src.afterC(args); text != nil {
			return src.rereadWord(text, left)
		}
		return outsideFunctions(src.behindOptions(args, left))
	case "log_action_cmd", "_cmd":
		return src.lead(args, left, false)
	case "sh", "bash", "dash", "ash", "ksh", "mksh", "su", "runuser":
		if text := src.afterC(args); text != nil {
			found := append(src.rereadWord(text, left), src.argumentsOfText(text, args)...)
			if src.unheard(text) {
				found = unclear(found)
			}
			return found
		}
		if !strings.HasPrefix(c.name, "su") && c.name != "runuser" && readsScript(args) {
			return []command{{name: unknown, text: true}}
		}
	case ".", "source":
		if len(args) > 0 && readsScript(args[:1]) {
			return []command{{name: unknown, text: true}}
		}
	case "eval":
		if len(args) > 0 {
			return unclear(src.rereadWord(&syntax.Word{Parts: spaced(args)}, left))
		}
	case "trap":
		if len(args) > 1 && args[0].Lit() == "--" {
			args = args[1:]
		}
		if len(args) > 1 {
			found := src.rereadWord(args[0], left)
			if src.unheard(args[0]) {
				found = unclear(found)
			}
			return found
		}
	}
	f := src.functions[c.function]
	if f != nil {
		return append(src.withinFunction(f, args, left), src.asArguments(args, c.function)...)
	}
	switch {
	case c.name == "set" && len(args) > 0:
		return append(src.fromSignaller(args, left), src.asArguments(behindDashes(args), src.inside(args[0]))...)
	case printers.Compiled().MatchString(c.name) || c.name == "pidproof":
		return nil
	default:
		return src.fromSignaller(args, left)
	}
}

// withinFunction follows the arguments of one of the script's functions.
func (src *source) withinFunction(f *syntax.FuncDecl, args []*syntax.Word, left int) []command {
	if found := src.fromSignaller(args, left); found != nil || !src.runsItsArguments(f) { // behind a shift
		return found
	}
	return src.lead(args, left, false)
}

func behindDashes(args []*syntax.Word) []*syntax.Word {
	if args[0].Lit() == "--" {
		return args[1:]
	}
	return args
}

// fromInput: what xargs runs is itself what comes in: it stands for the command, or behind a program that runs others and
// is given none.
func fromInput(args []*syntax.Word) []command {
	place, runs := "", false
	for i := 0; i < len(args); i++ {
		text := literalStart(args[i])
		switch {
		case text == "-I" && i+1 < len(args):
			i++
			place = args[i].Lit()
		case len(text) == 2 && strings.Contains("-d-n-L-P-s-E-a-u", text) && text[0] == '-':
			i++
		case strings.HasPrefix(text, "-I"):
			place = text[2:]
		case text != "" && text == place && len(args[i].Parts) == 1:
			return []command{{name: unknown, text: true}}
		case strings.HasPrefix(text, "-") || strings.Contains(text, "="):
		case runners.Compiled().MatchString(path.Base(text)):
			runs = true
		default:
			return nil
		}
	}
	if runs {
		return []command{{name: unknown, text: true}}
	}
	return nil
}

// runners run what their arguments say.
var runners = pattern(`^(env|sudo|doas|nice|nohup|setsid|time|command|exec|eval|sh|bash|dash|ash|ksh|mksh|busybox|toybox|stdbuf|chronic)$`)

// behindFind are the words of a command that ends in ";" or "+".
func behindFind(args []*syntax.Word) []*syntax.Word {
	if end := slices.IndexFunc(args, func(w *syntax.Word) bool { text := w.Lit(); return text == `\;` || text == "+" }); end >= 0 {
		return args[:end]
	}
	return args
}

// unheard: a text is one variable that the script gives no value, and whose name is no daemon's.
func (src *source) unheard(text *syntax.Word) bool {
	p, is := only(text).(*syntax.ParamExp)
	return is && plainParam(p) && !positional(p.Param.Value) && len(src.assigned[p.Param.Value]) == 0 && !daemonName.Compiled().MatchString(p.Param.Value)
}

// asksWhere: it only says whether and where a program is.
func asksWhere(c command) bool {
	switch c.name {
	case "which", "type", "whereis":
		return true
	case "command":
		return len(c.args) > 0 && (c.args[0].Lit() == "-v" || c.args[0].Lit() == "-V")
	}
	return false
}

// fromSignaller follows words from where one names what sends signals, and more follows.
func (src *source) fromSignaller(args []*syntax.Word, left int) []command {
	for i, word := range args[:max(0, len(args)-1)] {
		switch path.Base(word.Lit()) {
		case "kill", "killall", "killall5", "pkill", "skill", "snice", "start-stop-daemon":
			return outsideFunctions(src.lead(args[i:], left, false))
		}
	}
	return nil
}

// outsideFunctions: what another program runs is none of the script's functions.
func outsideFunctions(found []command) []command {
	for i := range found {
		if found[i].function != "" {
			found[i].name, found[i].function = found[i].function, ""
		}
	}
	return found
}

// readsScript: a shell without a file, or with one that has no name before it runs, has what
// it does from a pipe or a here-document.
func readsScript(args []*syntax.Word) bool {
	for _, word := range args {
		text := literalStart(word)
		if strings.HasPrefix(text, "/dev/") && text != "/dev/null" || strings.HasPrefix(text, "/proc/self/fd/") || len(word.Parts) == 1 && isProcSubst(word.Parts[0]) {
			return true
		}
		if !strings.HasPrefix(text, "-") {
			return false
		}
	}
	return true
}

func isProcSubst(p syntax.WordPart) bool {
	_, is := p.(*syntax.ProcSubst)
	return is
}

func (src *source) behindOptions(args []*syntax.Word, left int) (found []command) {
	for i, word := range args {
		text := literalStart(word)
		if strings.HasPrefix(text, "-") || len(word.Parts) == 1 && (strings.Contains(text, "=") || isCount.Compiled().MatchString(text)) {
			continue
		}
		found = src.lead(args[i:], left, false)
		if i > 0 && i+1 < len(args) && strings.HasPrefix(literalStart(args[i-1]), "-") && unquoted(textOf(args[i+1])) != "{}" { // it may be the option's value
			found = append(found, src.behindOptions(args[i+1:], left-1)...)
		}
		return found
	}
	return nil
}

var isCount = pattern(`^[0-9.]+[smhd]?$`)

func (src *source) afterC(args []*syntax.Word) *syntax.Word {
	for i, word := range args {
		if text := literalStart(word); strings.HasPrefix(text, "-") && !strings.HasPrefix(text, "--") && strings.HasSuffix(text, "c") || text == "--command" {
			if rest := args[i+1:]; len(rest) > 1 && rest[0].Lit() == "--" {
				return rest[1]
			} else if len(rest) > 0 {
				return rest[0]
			}
		}
	}
	return nil
}

// runsItsArguments: the function has "$@" or "$1" where a command stands, or gives it to eval.
func (src *source) runsItsArguments(f *syntax.FuncDecl) (does bool) {
	if does, is := src.runsOthers[f]; is {
		return does
	}
	defer func() { src.runsOthers[f] = does }()
	walk(f, func(n syntax.Node) bool {
		if call, is := n.(*syntax.CallExpr); is && len(call.Args) > 0 {
			word := call.Args[0]
			if len(call.Args) > 1 && (word.Lit() == "eval" || word.Lit() == "exec") {
				word = call.Args[1]
			}
			names := variablesOf(word)
			does = does || len(word.Parts) == 1 && len(names) == 1 && (names[0] == "@" || names[0] == "*" || names[0] == "1")
		}
		return !does
	})
	return does
}
