package audit

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// opaque: a command that nobody knows before the script runs counts where it is given a number
// or a pidfile, or where a text is read as a script.
func (f *finder) opaque(s *syntax.Stmt, c command) {
	n := f.numbersOf(c.args)
	if call, is := s.Cmd.(*syntax.CallExpr); is {
		n.add(f.numberOf(call.Args[0]))
	}
	suspicious := c.text || f.asSSD(c.args) || f.printedForNumber(s, c) || n.from&^(ofSelf|ofChild) != 0 || f.givenSignal(c.args)
	for _, w := range c.args {
		suspicious = suspicious || f.isPidfile(w) && !daemonOption(w, c.args)
	}
	if in := f.functions[f.inside(s)]; in != nil && f.runsItsArguments(in) && positionalIn(s) {
		return // where the function is called, the command is known
	}
	if suspicious && !f.isDaemon(s) || namesAsker(s, c) {
		f.add(s, CannotTell, "")
	}
}

// printedForNumber: a program prints the name, and it is given a number and nothing else.
func (f *finder) printedForNumber(s *syntax.Stmt, c command) bool {
	if len(c.args) != 1 || len(c.args[0].Lit()) < 2 || strings.Trim(c.args[0].Lit(), "0123456789") != "" || c.word == nil {
		return false
	}
	p, is := only(c.word).(*syntax.ParamExp)
	return is && slices.ContainsFunc(f.assigned[p.Param.Value], func(w *syntax.Word) bool {
		if w == nil || len(w.Parts) == 0 {
			return false
		}
		switch only(&syntax.Word{Parts: w.Parts[:1]}).(type) {
		case *syntax.CmdSubst, *syntax.ArithmExp:
			return first(f.values(w)) == unknown
		}
		return false
	})
}

// asSSD: it has options that only start-stop-daemon has, beside --stop.
func (f *finder) asSSD(args []*syntax.Word) bool {
	has := func(options ...string) bool {
		return slices.ContainsFunc(args, func(w *syntax.Word) bool { return slices.Contains(options, literalStart(w)) })
	}
	return has("--stop", "-K") && has("--name", "--exec", "--oknodo", "--retry", "--pidfile", "-n", "-x", "-o", "-R", "-p")
}

// namesAsker: the command is in a variable whose name says that it signals or asks, $KILLALL, and that has its value from
// somewhere else.
func namesAsker(s *syntax.Stmt, c command) bool {
	call, is := s.Cmd.(*syntax.CallExpr)
	if !is || len(c.args) >= len(call.Args) {
		return false
	}
	p, is := only(call.Args[len(call.Args)-len(c.args)-1]).(*syntax.ParamExp)
	return is && askerName.Compiled().MatchString(p.Param.Value)
}

var askerName = pattern(`(?i)^(.*_)?(kill|killall5?|pkill|pidof|pgrep|fuser)(_?(bin|cmd|command|path|prog|program))?$`)

// givenSignal: an option as kill has it, before a number or what may be one.
func (f *finder) givenSignal(args []*syntax.Word) bool {
	if len(args) > 2 && args[0].Lit() == "-s" {
		args = args[1:]
		return bareSignal.Compiled().MatchString("-" + args[0].Lit())
	}
	return len(args) > 1 && bareSignal.Compiled().MatchString(args[0].Lit()) && f.someNumber(args[1])
}

func positionalIn(s *syntax.Stmt) bool {
	call, is := s.Cmd.(*syntax.CallExpr)
	return is && slices.ContainsFunc(call.Args[:min(2, len(call.Args))], positionalWord)
}

// daemonOption: a daemon is told its own pidfile behind an option.
func daemonOption(w *syntax.Word, args []*syntax.Word) bool {
	i := slices.Index(args, w)
	return i > 0 && strings.HasPrefix(literalStart(args[i-1]), "-") || strings.HasPrefix(literalStart(w), "-")
}

// isDaemon: what is called by a variable of that name is started.
func (f *finder) isDaemon(s *syntax.Stmt) bool {
	call, is := s.Cmd.(*syntax.CallExpr)
	if !is {
		return false
	}
	for _, name := range variablesOf(call.Args[0]) {
		if daemonName.Compiled().MatchString(name) {
			return true
		}
	}
	return false
}

var daemonName = pattern(`(?i)daemon|_?bin$|^prog|exec|server`)
