package audit

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// command is what a call runs in the end.
type command struct {
	name string // without its directory; unknown: it cannot be told; "" for a function of the script
	// function is one of the script's own, also where it has a command's name.
	function string
	args     []*syntax.Word
	word     *syntax.Word // that it is called by
	// inner is a text that a shell reads once more, at the place of the call.
	inner *syntax.File
	// text: it is a text that a shell would read again, and cannot be read here.
	text bool
	// elsewhere: neither our wrapper nor our hook is what runs then: it is busybox's, or in another root.
	elsewhere bool
	// plain: the call is the command itself, which can be replaced where it stands.
	plain bool
}

const followed = 6 // programs that run programs, one behind the other

// commands are what a call leads to: itself, and what env, sh -c, eval, xargs, trap, an alias
// or a variable make of it.
func (src *source) commands(call *syntax.CallExpr) (found []command) {
	if len(call.Args) == 0 {
		return nil
	}
	found, is := src.led[call]
	if !is {
		if found = src.lead(call.Args, followed, true); src.led != nil {
			src.led[call] = found
		}
	}
	return found
}

func (src *source) lead(args []*syntax.Word, left int, plain bool) (found []command) {
	switch {
	case len(args) == 0:
		return nil
	case left <= 0: // env env env ... kill
		return []command{{name: unknown, text: true}}
	}
	names := map[string]bool{}
	for _, value := range src.values(args[0]) {
		words := src.split(value) // an unquoted variable is several
		if len(words) == 0 {
			continue
		}
		name := path.Base(words[0])
		made := words[0] == "{}" || endsAsAsker(name) || fitsAsker(name) && (!src.isItem(args[0]) || len(strings.Trim(name, "*?[]")) > 2)
		if strings.Contains(name, unknown) || isPattern(name) || name == "{}" {
			name = unknown // a pattern is whatever file it fits
		}
		if text, is := src.aliases[name]; is && !ofItself(name, text) {
			found = append(found, src.reread(text+" "+textsOf(args[1:]), left, false)...)
			if !slices.Contains(askers, name) { // bash expands none in a script
				continue
			}
		}
		if names[value] {
			continue
		}
		names[value] = true
		rest := args[1:]
		if len(words) > 1 {
			var split []*syntax.Word
			for _, w := range words[1:] {
				split = append(split, &syntax.Word{Parts: []syntax.WordPart{&syntax.Lit{ValuePos: args[0].Pos(), ValueEnd: args[0].End(), Value: w}}})
			}
			rest = append(split, rest...)
		}
		its := command{name: name, args: rest, word: args[0], plain: plain && args[0].Lit() != "", text: made}
		if src.functions[name] != nil && !src.ofRedHat(name) {
			if slices.Contains(askers, name) && !src.surelyOwn(name) {
				found = append(found, its)
			}
			its.name, its.function = "", name
		}
		found = append(found, its)
		found = append(found, src.within(its, left-1)...)
	}
	return found
}

// surelyOwn: a function that is there whatever the script does, from its definition on: neither in an if nor in a
// subshell, nor unset.
func (src *source) surelyOwn(name string) bool {
	return src.topLevel[src.functions[name]] && !src.unset[name]
}

// ofItself: alias ls='ls -l' is ls.
func ofItself(name, text string) bool {
	words := strings.Fields(text)
	return len(words) > 0 && words[0] == name && !strings.ContainsAny(text, ";&|\n`$(")
}

// isPattern: what a shell makes another name of, or several words: k[i]ll, {kill,-9}.
func isPattern(name string) bool {
	return strings.ContainsAny(name, "*?") || strings.Contains(name, "[") && name != "[" && name != "[[" || strings.Contains(name, "{") && strings.Contains(name, ",")
}

// fitsAsker: a pattern that fits what signals or asks.
func fitsAsker(name string) bool {
	if !isPattern(name) || strings.Contains(name, unknown) {
		return false
	}
	return slices.ContainsFunc(askers, func(asker string) bool {
		fits, err := path.Match(name, asker)
		return err == nil && fits || strings.Contains(name, "{") && strings.Contains(name, asker)
	})
}

// endsAsAsker: half of a name or more is known, and is that of one that signals or asks: ${1}illall.
func endsAsAsker(name string) bool {
	known := strings.ReplaceAll(name, unknown, "")
	if len(known) < 3 || len(known) == len(name) {
		return false
	}
	return slices.ContainsFunc(askers, func(asker string) bool {
		return 2*len(known) >= len(asker) && fits(strings.ReplaceAll(name, unknown, "*"), asker)
	})
}

var askers = []string{"kill", "killall", "killall5", "pkill", "skill", "snice", "pidof", "pgrep", "fuser"}

// isItem: a loop gives it the files of a pattern, and all of them are meant.
func (src *source) isItem(w *syntax.Word) bool {
	return slices.ContainsFunc(variablesOf(w), func(name string) bool {
		return slices.ContainsFunc(src.assigned[name], func(value *syntax.Word) bool { return src.items[value] })
	})
}

// split has the words that a shell makes of an unquoted value, also where the script sets IFS.
func (src *source) split(value string) []string {
	set := " \t\n"
	for _, word := range src.assigned["IFS"] {
		set += literalText(word)
	}
	return strings.FieldsFunc(value, func(r rune) bool { return string(r) != unknown && r != '/' && strings.ContainsRune(set, r) })
}

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

// unclear: what eval runs first is a text that is made up when the script runs.
func unclear(found []command) []command {
	for i := range found {
		if found[i].name == unknown {
			found[i].text = true
		}
	}
	return found
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
