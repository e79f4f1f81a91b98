package audit

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// How a replacement begins: where pidproof is missing, the script goes on as before.
const guard = "command -v pidproof >/dev/null"

// supply decides which of the places can be replaced, and by what: the daemon has to be known,
// and the place has to be one command that stands by itself.
func (src *source) supply(found []Finding) []Finding {
	d := src.daemon()
	if src.foreign(found) {
		d = theDaemon{}
	}
	for i := range found {
		f := &found[i]
		if f.node == (nodeRange{}) {
			continue
		}
		if f.block != nil {
			src.supplyBlock(d, f)
			continue
		}
		if f.asked != nil {
			src.supplyAsked(d, f)
			continue
		}
		if f.read != "" {
			src.supplyRead(d, f)
			continue
		}
		old := src.script.text[f.node.from:f.node.to]
		replacement := ""
		if f.Covered == "" && !strings.Contains(old, "\n") && (f.behind == nil || f.behind.of(d)) && src.means(d, f) {
			replacement = f.replacement(d.text, old)
		}
		if replacement == "" {
			f.node = nodeRange{}
			continue
		}
		f.Instead, f.new = replacement, f.guarded(src.script.text, replacement, old)
	}
	return onePlaceEach(found)
}

// onePlaceEach: of a kind, a line has each place that is replaced, and one of those that are not.
func onePlaceEach(found []Finding) (places []Finding) {
	for _, f := range found {
		line := len(places)
		for line > 0 && places[line-1].Line == f.Line && places[line-1].Kind == f.Kind {
			line--
		}
		if !slices.ContainsFunc(places[line:], f.repeats) {
			places = append(places, f)
		}
	}
	return places
}

// repeats: of the same kind and line, it says no more than another.
func (f *Finding) repeats(other Finding) bool {
	if f.new != "" {
		return other.new != "" && other.node == f.node
	}
	return other.new == "" || other.Words == f.Words
}

// supplyBlock replaces the beginning of a block.
func (src *source) supplyBlock(d theDaemon, f *Finding) {
	if f.Covered != "" || quoted(textOf(f.block.daemon)) != d.text || !src.means(d, f) {
		f.node = nodeRange{}
		return
	}
	text := src.script.text
	indent := text[strings.LastIndexByte(text[:f.node.from], '\n')+1 : f.node.from]
	f.Instead = fmt.Sprintf("pidproof check -q -p %s %s", quoted(f.pidfile), d.text)
	f.new = f.block.instead(indent, d.text, quoted(f.pidfile))
}

// supplyRead replaces what reads a number.
func (src *source) supplyRead(d theDaemon, f *Finding) {
	if f.Covered != "" || !src.means(d, f) || !src.knownBefore(d, f.node) {
		f.node = nodeRange{}
		return
	}
	f.Instead, f.new = fmt.Sprintf("pidproof pidofproc -p %s %s, where the number is read", quoted(f.pidfile), d.text), f.proven(d.text)
}

var (
	// plainSignal: those of signal(7), which start-stop-daemon and killproc know, too. EXIT is the shell's, RTMIN no number.
	plainSignal = pattern(`^((SIG)?(HUP|INT|QUIT|ILL|TRAP|ABRT|BUS|FPE|KILL|USR[12]|SEGV|PIPE|ALRM|TERM|STKFLT|CHLD|CONT|STOP|TSTP|TTIN|TTOU|URG|XCPU|XFSZ|VTALRM|PROF|WINCH|IO|PWR|SYS)|[0-9]|[1-5][0-9]|6[0-4]|"\$[A-Za-z0-9_]+")$`)
	// existence is a test for a process and for nothing else.
	existence = pattern(`^(\[|test) +-[de] +"?/proc/[^ ]*"?( +\])?$`)
	// exeTest is false for a daemon whose file was replaced (saned).
	exeTest   = pattern(`^(?:\[|test) (?:\$\(|\x60)readlink (?:-[fen]+ )?/proc/[^ /]+/exe(?:\)|\x60) ==? ([^ ]+)(?: \])?$`)
	pidOption = pattern(`^(/bin/|/usr/bin/)?ps +(-p|-q|--pid|p) *[^ ]+( *>.*)?$`)
)

// replacement is a command with the exit status that the old one has: of kill -0, of a test
// and of ps, 0 where a process is there; a process of which nothing can be told is one. It is
// silent where the old one is.
func (f *Finding) replacement(daemon, old string) string {
	before, nowhere := "", ""
	switch {
	case f.silent:
		nowhere = " 2>&1"
	case f.kept:
		before = " 2>&1"
	}
	question := fmt.Sprintf("pidproof pidofproc -p %s %s%s >/dev/null%s || [ $? = 4 ]", quoted(f.pidfile), daemon, before, nowhere)
	switch f.Kind {
	case Kill0:
		return question
	case Proc:
		if bare := strings.TrimSpace(redirection.Compiled().ReplaceAllString(old, "")); existence.Compiled().MatchString(bare) && properDir(bare) {
			return question
		}
		if exe := exeTest.Compiled().FindStringSubmatch(unquoted(old)); exe != nil && exe[1] == unquoted(daemon) {
			return fmt.Sprintf("pidproof pidofproc -p %s %s >/dev/null 2>&1 || false", quoted(f.pidfile), daemon)
		}
	case Ps:
		if pidOption.Compiled().MatchString(strings.TrimSpace(old)) && silent(old) {
			return question
		}
	case Kill:
		if !plainSignal.Compiled().MatchString(f.signal) {
			return ""
		}
		if f.silent {
			nowhere = " 2>/dev/null"
		}
		return fmt.Sprintf(f.sender(), quoted(f.pidfile), daemon, f.signal) + before + nowhere + " || false"
	}
	return ""
}

// sender is what does with a signal what kill does. For the LSB's killproc, TERM and KILL are a
// stop: it ends well where nothing runs, and removes the pidfile, which a script may do next,
// under set -e (uanytun).
func (f *Finding) sender() string {
	switch f.signal {
	case "HUP", "1", "USR1", "USR2":
		return "pidproof killproc -p %s %s %s"
	}
	return "pidproof start-stop-daemon --stop --quiet --pidfile %s --exec %s --signal %s"
}

var redirection = pattern(` *[0-9]?>+(&[0-9]|[^ ]*| +[^ ]+)`)

// properDir: /proc/PID and /proc/PID/, or a file that every process has.
func properDir(test string) bool {
	_, number, _ := strings.Cut(test, "/proc/")
	number = strings.TrimRight(number, `"] `)
	if at := strings.LastIndexAny(number, ")}`"); at >= 0 {
		number = number[at+1:]
	}
	_, file, has := strings.Cut(number, "/")
	return !has || file == "" || file == "exe" || file == "stat" || file == "cmdline" || file == "status"
}

// silent: what ps prints is not wanted.
func silent(old string) bool {
	return strings.Contains(old, ">/dev/null") || strings.Contains(old, "> /dev/null")
}

// quoted is a word that a shell takes as one.
func quoted(word string) string {
	if strings.HasPrefix(word, "$") && !strings.ContainsAny(word, "\"'` ()") {
		return `"` + word + `"`
	}
	return word
}

// guarded is the whole replacement, in the place's own style: on lines of its own where the
// old command had one for itself.
func (f *Finding) guarded(text, replacement, old string) string {
	start := strings.LastIndexByte(text[:f.node.from], '\n') + 1
	end := len(text)
	if at := strings.IndexByte(text[f.node.to:], '\n'); at >= 0 {
		end = f.node.to + at
	}
	indent := text[start:f.node.from]
	if strings.Trim(indent, " \t") != "" || strings.TrimSpace(text[f.node.to:end]) != "" {
		return fmt.Sprintf("if %s; then %s; else %s; fi", guard, replacement, old)
	}
	deeper := indent + "\t"
	if strings.HasPrefix(indent, " ") {
		deeper = indent + "    "
	}
	return fmt.Sprintf("if %s; then\n%s%s\n%selse\n%s%s\n%sfi", guard, deeper, replacement, indent, deeper, old, indent)
}

// theDaemon is the word that a script has for its daemon.
type theDaemon struct {
	text     string // "" where there are several
	word     *syntax.Word
	pidfiles []*syntax.Word // that it is named with
}

// daemon is DAEMON, or what the script gives start-stop-daemon, killproc and their like.
func (src *source) daemon() (d theDaemon) {
	words := map[string]bool{}
	f := finder{source: src}
	for _, file := range src.script.files {
		walk(file, func(n syntax.Node) bool {
			call, is := n.(*syntax.CallExpr)
			if !is {
				return true
			}
			for _, c := range src.commands(call) {
				word := f.daemonOf(c)
				if word == nil {
					continue
				}
				d.word, d.text = word, quoted(textOf(word))
				words[d.text] = true
				if pidfile := optionValue(src, c.args, "-p", "--pidfile"); pidfile != nil {
					d.pidfiles = append(d.pidfiles, pidfile)
				}
			}
			return true
		})
	}
	if assigned := src.assigned["DAEMON"]; len(words) == 0 && len(assigned) > 0 {
		if slices.ContainsFunc(assigned, func(w *syntax.Word) bool { return !findable(src.values(w)) }) {
			return theDaemon{}
		}
		param := &syntax.ParamExp{Short: true, Param: &syntax.Lit{Value: "DAEMON"}}
		return theDaemon{text: `"$DAEMON"`, word: &syntax.Word{Parts: []syntax.WordPart{param}}}
	}
	if len(words) != 1 || !daemonWord.Compiled().MatchString(d.text) {
		return theDaemon{}
	}
	return d
}

// means reports that at a place the daemon's word is what it is elsewhere, one program's path
// and not what starts another, and that the pidfile is this daemon's.
func (src *source) means(d theDaemon, f *Finding) bool {
	if d.text == "" {
		return false
	}
	for _, name := range variablesOf(d.word) {
		for _, w := range src.assigned[name] {
			if in := src.inside(w); in != "" && in != f.in {
				return false
			}
		}
	}
	for _, v := range src.values(d.word) {
		if strings.ContainsAny(v, " \t\n") || startsAnother.Compiled().MatchString(v) {
			return false
		}
	}
	return src.belongs(d, f.pidfileWord)
}

// startsAnother: the daemon has another program's file, soon or for ever.
var startsAnother = pattern(`(^|/)(sh|bash|dash|ash|ksh|mksh|zsh|busybox|toybox|env|nice|ionice|nohup|setsid|su|sudo|runuser|setpriv|chroot|timeout|daemon|daemonize|flock|python[0-9.]*|perl|ruby|java|node|php[0-9.]*)$`)

// belongs: the pidfile is named with the daemon; where none is, it is in a variable, or has
// the daemon's name.
func (src *source) belongs(d theDaemon, pidfile *syntax.Word) bool {
	text, values := textOf(pidfile), src.values(pidfile)
	for _, other := range d.pidfiles {
		if textOf(other) == text {
			return true
		}
		for _, v := range src.values(other) {
			if slices.Contains(values, v) && strings.Trim(v, unknown) != "" {
				return true
			}
		}
	}
	if len(d.pidfiles) > 0 {
		return src.givenAlike(d, pidfile)
	}
	if len(variablesOf(pidfile)) > 0 {
		return true
	}
	stem, _, _ := strings.Cut(path.Base(first(values)), ".")
	return slices.ContainsFunc(src.values(d.word), func(v string) bool {
		base := path.Base(v)
		return stem != "" && (strings.HasPrefix(base, stem) || strings.HasPrefix(stem, base))
	})
}

// givenAlike: the pidfile's variable is an argument of its function, and whatever it is called
// with is what the pidfile that the daemon is named with may be, likewise (isc-dhcp-server).
func (src *source) givenAlike(d theDaemon, pidfile *syntax.Word) bool {
	may, known := src.given(pidfile, 0), map[string]bool{}
	for _, other := range d.pidfiles {
		for _, text := range src.given(other, 0) {
			known[text] = true
		}
	}
	return len(may) > 0 && !slices.ContainsFunc(may, func(text string) bool { return !known[text] })
}

// given are the words that a function's variable is given by the calls of the function, and
// theirs in turn; nil where that cannot be told.
func (src *source) given(word *syntax.Word, depth int) (texts []string) {
	p, is := only(word).(*syntax.ParamExp)
	if !is || !plainParam(p) || depth > assignedThrough || src.spent() {
		return nil
	}
	in := src.inside(word)
	if in == "" {
		return []string{unquoted(textOf(word))}
	}
	argument := src.argumentOf(p, in)
	if argument == 0 { // no function's own
		if positional(p.Param.Value) || slices.ContainsFunc(src.assigned[p.Param.Value], func(w *syntax.Word) bool { return src.inside(w) != "" }) {
			return nil
		}
		return []string{unquoted(textOf(word))}
	}
	for _, call := range src.callsOf[in] {
		if len(call.Args) <= argument {
			return nil
		}
		its := src.given(call.Args[argument], depth+1)
		if len(its) == 0 {
			return nil
		}
		texts = append(texts, its...)
	}
	return texts
}

// argumentOf is which argument of its function a variable is, 0 if that cannot be told.
func (src *source) argumentOf(p *syntax.ParamExp, in string) int {
	words := src.nearest(src.assigned[p.Param.Value], p)
	if len(words) != 1 || src.inside(words[0]) != in {
		return 0
	}
	number, is := only(words[0]).(*syntax.ParamExp)
	if !is || !plainParam(number) || len(number.Param.Value) != 1 || number.Param.Value < "1" || number.Param.Value > "9" {
		return 0
	}
	shifted := false
	walk(src.functions[in], func(n syntax.Node) bool {
		call, is := n.(*syntax.CallExpr)
		shifted = shifted || is && len(call.Args) > 0 && (call.Args[0].Lit() == "shift" || call.Args[0].Lit() == "set") && call.Pos().Offset() < number.Pos().Offset()
		return !shifted
	})
	if shifted {
		return 0
	}
	return int(number.Param.Value[0] - '0')
}

// daemonWord is a path, or one variable of the script's.
var daemonWord = pattern(`^("\$\{?[A-Za-z_][A-Za-z0-9_]*\}?"|"?/[A-Za-z0-9_./+-]+"?)$`)

func (f *finder) daemonOf(c command) *syntax.Word {
	switch c.name {
	case "start-stop-daemon":
		return f.ssdOptions(c.args).execWord
	case "killproc", "start_daemon", "pidofproc":
		for i := 0; i < len(c.args); i++ {
			switch text := literalStart(c.args[i]); {
			case text == "-p" || text == "-n":
				i++
			case strings.HasPrefix(text, "-"):
			default:
				return c.args[i]
			}
		}
	}
	return nil
}
