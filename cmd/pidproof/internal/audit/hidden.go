package audit

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// What follows looks for signals and checks in texts that are no shell of the script's own: of other languages, of other
// hosts, of later. Of those it cannot be told what they do.

// signals are words of a text that end or find processes: of a shell, C, Perl, Python, Ruby, awk and their like.
var signals = pattern(`(^|[^A-Za-z0-9_$/-]|s?bin/)((posix_|tg)?kill(all5?|pg)? *\(|(pidfd_)?send_signal *\(|kill +([-$0-9"'{%\x00\x60]|TERM|HUP|KILL|INT|USR|QUIT|STOP|CONT|SIG)|(killall5?|pkill|skill|pidof|pgrep)([ ,"']+[^ ]|$)|KillUnit)|/proc/["'$%{]`)

// printers print their arguments, or look for them in a text.
var printers = pattern(`^(echo|printf|log_.*|logger|cat|tee|grep|egrep|fgrep|test|\[|\[\[|:|true|false|read|alias|unalias|export|local|readonly|declare|typeset|return|exit|case|set|gettext|eval_gettext|warn|die|error|message|msg|e(info|warn|error|begin|end)|v?e(info|warn|error|begin|end))$`)

// hidden looks at what a statement's command is given: arguments, here-documents, and what comes by a pipe.
func (f *finder) hidden(s *syntax.Stmt) {
	switch cmd := s.Cmd.(type) {
	case *syntax.BinaryCmd:
		if (cmd.Op == syntax.Pipe || cmd.Op == syntax.PipeAll) && f.says(cmd.X) && !f.reads(cmd.Y) {
			f.add(s, CannotTell, "")
		}
		if cmd.Op == syntax.Pipe && f.removesInput(cmd.X, cmd.Y) {
			f.add(s, Removed, "")
		}
		f.shown(cmd.X, s)
	case *syntax.Block, *syntax.Subshell:
		if toFile(s) && f.says(s) {
			f.add(s, CannotTell, "")
		}
	case *syntax.CallExpr:
		if toFile(s) {
			f.shown(s, s)
		}
		switch {
		case f.plainSignal(cmd):
			f.add(s, Pkill, "")
		case f.givenText(s, cmd), f.madeUp(cmd), f.runsMade(s), f.otherLanguage(s, cmd), rebinds(cmd), f.renames(cmd):
			f.add(s, CannotTell, "")
		}
	}
}

// shown: a program that shows processes to a person shows them to a program.
func (f *finder) shown(from *syntax.Stmt, at syntax.Node) {
	call, is := from.Cmd.(*syntax.CallExpr)
	if !is {
		return
	}
	for _, c := range f.commands(call) {
		if kind := f.lists(c); kind != "" {
			f.add(at, kind, "")
		}
	}
}

// plainSignal: a program whose argument says that it signals: whatever runs under a name that is no process's.
func (f *finder) plainSignal(call *syntax.CallExpr) bool {
	return slices.ContainsFunc(f.commands(call), func(c command) bool {
		switch c.name {
		case "systemctl", "loginctl", "machinectl", "docker", "podman":
			return slices.ContainsFunc(c.args, func(w *syntax.Word) bool {
				verb := literalStart(w)
				return verb == "kill" || verb == "terminate" || strings.HasPrefix(verb, "kill-") || strings.HasPrefix(verb, "terminate-")
			})
		case "busctl", "dbus-send", "gdbus":
			return strings.Contains(literalText(&syntax.CallExpr{Args: c.args}), "KillUnit")
		case "slay", "xkill", "rkill", "killpg", "skill.procps":
			return true
		}
		return false
	})
}

// givenText: another program is given a text that signals or asks. What shells are given is read elsewhere.
func (f *finder) givenText(s *syntax.Stmt, call *syntax.CallExpr) bool {
	if len(call.Args) == 0 {
		return false
	}
	printer := f.onlyPrints(call)
	for _, r := range s.Redirs {
		switch {
		case r.Hdoc != nil && (!printer || toFile(s)) && signals.Compiled().MatchString(literalText(r.Hdoc)):
			return true
		case r.Op == syntax.WordHdoc && r.Word != nil && !printer && signals.Compiled().MatchString(literalText(r.Word)):
			return true
		}
	}
	if printer {
		return toFile(s) && f.says(s)
	}
	for _, c := range f.commands(call) {
		if f.followedElsewhere(c) {
			return false
		}
	}
	return slices.ContainsFunc(call.Args[1:], func(w *syntax.Word) bool {
		text := literalText(w)
		if call.Args[0].Lit() == "sed" && sedRuns(text) {
			return true
		}
		return strings.ContainsAny(text, " \t\n(") && signals.Compiled().MatchString(text)
	})
}

// sedRuns: s/X/Y/e runs what it makes; see sed(1).
func sedRuns(text string) bool {
	if len(text) < 4 || text[0] != 's' {
		return false
	}
	flags := text[strings.LastIndexByte(text, text[1])+1:]
	return strings.Contains(flags, "e") && strings.Trim(flags, "gIimMpe0123456789") == ""
}

// followedElsewhere: what the command does with its arguments is known.
func (f *finder) followedElsewhere(c command) bool {
	switch c.name {
	case "sh", "bash", "dash", "ash", "ksh", "mksh", "eval", "trap", "su", "runuser", "flock", "script", "kill", "killall", "killall5", "pkill", "pgrep", "pidof", "ps", ".", "source":
		return true
	}
	return c.inner != nil || c.function != "" || c.name == "" || printers.Compiled().MatchString(c.name)
}

func (f *finder) onlyPrints(call *syntax.CallExpr) bool {
	name := call.Args[0].Lit()
	return printers.Compiled().MatchString(name) && f.functions[name] == nil
}

// toFile: what it prints is kept, and may be run later.
func toFile(s *syntax.Stmt) bool {
	if call, is := s.Cmd.(*syntax.CallExpr); is && len(call.Args) > 1 && call.Args[0].Lit() == "tee" && !isLog(textsOf(call.Args)) && !strings.HasPrefix(literalStart(call.Args[len(call.Args)-1]), "/dev/") {
		return true
	}
	return slices.ContainsFunc(s.Redirs, func(r *syntax.Redirect) bool {
		out := r.Op == syntax.RdrOut || r.Op == syntax.AppOut || r.Op == syntax.ClbOut || r.Op == syntax.RdrAll || r.Op == syntax.AppAll
		return out && r.Word != nil && !strings.HasPrefix(literalStart(r.Word), "/dev/") && !isLog(textOf(r.Word))
	})
}

// isLog: nobody runs a log. What is in /etc, logrotate's files for one, is none.
func isLog(name string) bool {
	return !strings.HasPrefix(unquoted(name), "/etc/") && strings.Contains(strings.ToLower(name), "log")
}

// says: it prints a text that would signal or ask.
func (f *finder) says(s *syntax.Stmt) bool {
	switch cmd := s.Cmd.(type) {
	case *syntax.Block:
		return slices.ContainsFunc(cmd.Stmts, f.says)
	case *syntax.Subshell:
		return slices.ContainsFunc(cmd.Stmts, f.says)
	case *syntax.BinaryCmd:
		return f.says(cmd.Y)
	}
	call, is := s.Cmd.(*syntax.CallExpr)
	if !is || len(call.Args) == 0 {
		return false
	}
	if name := call.Args[0].Lit(); name != "echo" && name != "printf" && name != "cat" && name != "tee" || f.functions[name] != nil {
		return false
	}
	texts := literalText(&syntax.CallExpr{Args: call.Args[1:]})
	for _, r := range s.Redirs {
		if r.Hdoc != nil {
			texts += "\n" + literalText(r.Hdoc)
		}
	}
	return signals.Compiled().MatchString(texts)
}

// reads: what takes a text and does nothing with it but look.
func (f *finder) reads(s *syntax.Stmt) bool {
	if pipe, is := s.Cmd.(*syntax.BinaryCmd); is && pipe.Op == syntax.Pipe {
		return f.reads(pipe.X) && f.reads(pipe.Y)
	}
	call, is := s.Cmd.(*syntax.CallExpr)
	if !is || len(call.Args) == 0 {
		return true // a loop that reads, whose commands are looked at
	}
	switch call.Args[0].Lit() {
	case "grep", "egrep", "fgrep", "sed", "tr", "cut", "head", "tail", "sort", "uniq", "wc", "awk", "read", "cat", "tee", "logger", "mail", "sendmail", "fold", "fmt", "xargs", "sh", "bash", "dash", "ash", "ksh", "mksh":
		return !toFile(s) // shells are found by what comes in
	}
	return false
}

// literalText is what is written in a node, blank for blank, with unknown for what is not known.
func literalText(n syntax.Node) string {
	var b strings.Builder
	walk(n, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Word:
			b.WriteByte(' ')
		case *syntax.Lit:
			b.WriteString(unescaped(n.Value, false))
		case *syntax.SglQuoted:
			b.WriteString(n.Value)
		case *syntax.ParamExp, *syntax.CmdSubst, *syntax.ArithmExp, *syntax.ProcSubst:
			b.WriteString(unknown)
			return false
		}
		return true
	})
	return strings.TrimPrefix(b.String(), " ")
}

// madeUp: the command's name is put together from a text that a program prints.
func (f *finder) madeUp(call *syntax.CallExpr) bool {
	if len(call.Args) == 0 {
		return false
	}
	return slices.ContainsFunc(f.commands(call), func(c command) bool { return c.name == unknown && !c.text }) &&
		f.printedName(call.Args[0], 0)
}

var (
	decoders = pattern(`^(rev|base64|base32|xxd|od|uudecode|openssl)$`)
	writers  = pattern(`^(printf|echo|tr|expr)$`)
)

// printedName: a program prints the name from a text that nobody can read, or from constants, for which nobody needs one.
func (f *finder) printedName(w *syntax.Word, depth int) (is bool) {
	if depth > assignedThrough || f.spent() {
		return false
	}
	for i, part := range w.Parts {
		switch part := part.(type) {
		case *syntax.SglQuoted: // $'kill\x61ll', which is another's to a shell that does not know it
			is = is || strings.Contains(part.Value, `\`) && (part.Dollar || i > 0 && strings.HasSuffix(textOf(w.Parts[i-1]), "$"))
		case *syntax.DblQuoted:
			is = is || f.printedName(&syntax.Word{Parts: part.Parts}, depth+1)
		case *syntax.CmdSubst:
			is = is || calls(part, decoders.Compiled().MatchString) || printsName(part) || calls(part, writers.Compiled().MatchString) && !strings.Contains(literalText(&syntax.Block{Stmts: part.Stmts}), unknown) || f.functionNames(part)
		case *syntax.ParamExp:
			is = is || f.written[part.Param.Value] || f.cutOut(part)
			for _, value := range f.assigned[part.Param.Value] {
				if f.steps > stepLimit {
					break
				}
				is = is || value != w && f.printedName(value, depth+1)
			}
		}
	}
	return is
}

// printsName: what is run there has the name of what signals or asks in its words, or a pattern that fits one: ls /bin/k?ll,
// a here-document for cat.
func printsName(c *syntax.CmdSubst) bool {
	text := literalText(&syntax.Block{Stmts: c.Stmts})
	walk(c, func(n syntax.Node) bool {
		if r, is := n.(*syntax.Redirect); is && r.Hdoc != nil {
			text += "\n" + literalText(r.Hdoc)
		}
		return true
	})
	return slices.ContainsFunc(strings.Fields(text), func(word string) bool {
		name := strings.Trim(path.Base(word), "^$")
		return slices.Contains(askers, name) || fitsAsker(name) && len(strings.Trim(name, "*?[]")) > 2
	})
}

// functionNames: a function of the script that prints has the name of what signals or asks.
func (f *finder) functionNames(c *syntax.CmdSubst) bool {
	return calls(c, func(name string) bool {
		body := f.functions[name]
		return body != nil && calls(body, writers.Compiled().MatchString) && slices.ContainsFunc(strings.Fields(literalText(body.Body)), func(word string) bool {
			return slices.Contains(askers, path.Base(word))
		})
	})
}

// cutOut: a part of a text, or the text in other letters. ${X#...} and ${X%...} are common where X is not known.
func (f *finder) cutOut(p *syntax.ParamExp) bool {
	if p.Repl != nil || p.Slice != nil {
		return true
	}
	if p.Exp == nil {
		return false
	}
	switch p.Exp.Op {
	case syntax.UpperFirst, syntax.UpperAll, syntax.LowerFirst, syntax.LowerAll, syntax.OtherParamOps:
		return true
	case syntax.RemSmallPrefix, syntax.RemLargePrefix, syntax.RemSmallSuffix, syntax.RemLargeSuffix:
		values := f.assigned[p.Param.Value]
		return len(values) > 0 && !slices.ContainsFunc(values, func(w *syntax.Word) bool { return strings.Contains(first(f.values(w)), unknown) })
	}
	return false
}

// renames: a program that signals or asks gets another name.
func (f *finder) renames(call *syntax.CallExpr) bool {
	return slices.ContainsFunc(f.commands(call), func(c command) bool {
		switch c.name {
		case "ln", "cp", "mv", "install", "link", "mount":
			return slices.ContainsFunc(c.args[:max(0, len(c.args)-1)], func(w *syntax.Word) bool {
				return (strings.Contains(first(f.values(w)), "/") || hasCommand(w)) && slices.Contains(askers, path.Base(first(f.values(w))))
			})
		}
		return false
	})
}

// calls: a command in it has such a name.
func calls(in syntax.Node, such func(name string) bool) (does bool) {
	walk(in, func(n syntax.Node) bool {
		call, is := n.(*syntax.CallExpr)
		does = does || is && len(call.Args) > 0 && such(call.Args[0].Lit())
		return !does
	})
	return does
}

// runsLater: a shell runs what is in a variable of its own: before each prompt, or each line that set -x shows.
func runsLater(a *syntax.Assign) bool {
	if a.Name == nil || a.Value == nil || a.Name.Value != "PS4" && a.Name.Value != "PROMPT_COMMAND" {
		return false
	}
	text := literalText(a.Value)
	return a.Name.Value == "PS4" && strings.ContainsAny(text, "`(") || signals.Compiled().MatchString(text)
}

// rebinds: from then on a name is another command's, or none.
func rebinds(call *syntax.CallExpr) bool {
	for _, a := range call.Assigns {
		if a.Name != nil && len(call.Args) > 0 && (a.Name.Value == "BASH_ENV" || a.Name.Value == "PROMPT_COMMAND") {
			return true
		}
	}
	if len(call.Args) == 0 {
		return slices.ContainsFunc(call.Assigns, runsLater)
	}
	if len(call.Args) < 3 {
		return false
	}
	switch call.Args[0].Lit() {
	case "hash":
		return literalStart(call.Args[1]) == "-p"
	case "enable":
		return literalStart(call.Args[1]) == "-f"
	}
	return false
}
