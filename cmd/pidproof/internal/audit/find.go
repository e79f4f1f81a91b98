package audit

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/syntax"
)

// finder walks a script once.
type finder struct {
	*source
	found   []Finding
	guarded []nodeRange // the old ways that stay where pidproof is missing
	// oneLiners are what reads of a pipe that has one line.
	oneLiners []*syntax.Stmt
	stops     func() []stop
	waits     func() []nodeRange
	events    func() *events
	flow      func() *flow
	blocks    []*block
	skeleton  func() *skeleton
	asking    func() map[string]bool
}

// find names the places of a script, in the order of its lines.
func find(src *source) []Finding {
	f := &finder{source: src}
	f.stops, f.waits, f.events = sync.OnceValue(f.lookForStops), sync.OnceValue(f.lookForWaits), sync.OnceValue(f.lookForEvents)
	f.flow, f.skeleton, f.asking = sync.OnceValue(f.lookForFlow), sync.OnceValue(f.lookForSkeleton), sync.OnceValue(f.asksUs)
	for _, file := range src.script.files {
		f.skipGuarded(file)
	}
	f.skipUncalled()
	for _, file := range src.script.files {
		syntax.Walk(file, func(n syntax.Node) bool {
			if s, is := n.(*syntax.Stmt); is {
				f.statement(s)
			}
			return true
		})
		f.loops(file)
		f.places(file)
	}
	if src.steps > stepLimit {
		f.found = append(f.found, Finding{Path: src.script.path, Line: 1, Kind: CannotTell, Words: "too much of it depends on too much else"})
	}
	slices.SortStableFunc(f.found, func(a, b Finding) int { return cmp.Compare(a.Line, b.Line) })
	return slices.CompactFunc(f.found, func(a, b Finding) bool { return a.Line == b.Line && a.Kind == b.Kind })
}

// skipGuarded notes the else branches of `if command -v pidproof`.
func (f *finder) skipGuarded(file *syntax.File) {
	syntax.Walk(file, func(n syntax.Node) bool {
		if clause, is := n.(*syntax.IfClause); is && len(clause.Cond) == 1 && clause.Else != nil && asksForUs(clause.Cond[0]) {
			f.guarded = append(f.guarded, nodeRange{int(clause.Else.Pos().Offset()), int(clause.Else.End().Offset())})
		}
		return true
	})
}

func asksForUs(s *syntax.Stmt) bool {
	call, is := s.Cmd.(*syntax.CallExpr)
	if !is || s.Negated || len(call.Args) < 2 {
		return false
	}
	words := textsOf(call.Args)
	return words == "command -v pidproof" || strings.HasPrefix(words, "[ -x ") && strings.HasSuffix(words, "/pidproof ]")
}

func (f *finder) add(n syntax.Node, kind Kind, covered string) *Finding {
	at := int(n.Pos().Offset())
	for _, g := range f.guarded {
		if g.from <= at && at < g.to {
			return &Finding{}
		}
	}
	about := aboutKind(kind)
	f.found = append(f.found, Finding{
		Path: f.script.path, Line: int(n.Pos().Line()), Kind: kind, Words: textOf(n),
		Hazards: slices.Clone(about.hazards), Covered: covered, Instead: about.instead,
	})
	return &f.found[len(f.found)-1]
}

func (f *finder) statement(s *syntax.Stmt) {
	f.writes(s)
	f.hidden(s)
	switch cmd := s.Cmd.(type) {
	case *syntax.CallExpr:
		for _, c := range f.commands(cmd) {
			f.command(s, c)
		}
	case *syntax.IfClause:
		f.noteBlock(s)
	case *syntax.TestClause:
		syntax.Walk(cmd, func(n syntax.Node) bool {
			if w, is := n.(*syntax.Word); is {
				f.procWord(s, w)
			}
			return true
		})
	case *syntax.ForClause:
		if over, is := cmd.Loop.(*syntax.WordIter); is {
			for _, w := range over.Items {
				f.procWord(s, w)
			}
		}
	}
	for _, r := range s.Redirs {
		if r.Word != nil { // oom_score_adj is written, too
			f.procWord(s, r.Word)
		}
	}
}

// writes: a number that the script itself writes into a pidfile.
func (f *finder) writes(s *syntax.Stmt) {
	for _, r := range s.Redirs {
		switch r.Op {
		case syntax.RdrOut, syntax.AppOut, syntax.ClbOut:
			if r.Word != nil && f.isPidfile(r.Word) && f.prints(s) {
				f.add(s, Written, "")
			}
			if r.Word != nil && slices.ContainsFunc(f.values(r.Word), endsMany.Compiled().MatchString) {
				f.add(s, Killall, "")
			}
		}
	}
}

// endsMany are files of the kernel's that signal whoever is in a control group, or all: see
// cgroups(7) and proc(5).
var endsMany = pattern(`(^|/)cgroup\.kill$|^/proc/sysrq-trigger$`)

// prints: a command that has something to say; ":" and touch make an empty file.
func (f *finder) prints(s *syntax.Stmt) bool {
	call, is := s.Cmd.(*syntax.CallExpr)
	if !is {
		return s.Cmd != nil
	}
	return slices.ContainsFunc(f.commands(call), func(c command) bool {
		return c.name != ":" && c.name != "true" && c.name != "touch" && len(c.args) > 0
	})
}

// behindProc is the number in /proc/NUMBER/FILE, nil where that is more than one part.
func behindProc(w *syntax.Word) *syntax.Word {
	parts := w.Parts
	if len(parts) == 1 {
		if q, is := parts[0].(*syntax.DblQuoted); is {
			parts = q.Parts
		}
	}
	if len(parts) < 2 || len(parts) > 3 {
		return nil
	}
	lit, is := parts[0].(*syntax.Lit)
	if !is || lit.Value != "/proc/" {
		return nil
	}
	if len(parts) == 3 {
		if behind, is := parts[2].(*syntax.Lit); !is || !strings.HasPrefix(behind.Value, "/") {
			return nil
		}
	}
	return &syntax.Word{Parts: parts[1:2]}
}

// behindReadlink is the link in $(readlink LINK).
func behindReadlink(w *syntax.Word) *syntax.Word {
	c, is := only(w).(*syntax.CmdSubst)
	if !is || len(c.Stmts) != 1 {
		return nil
	}
	call, is := c.Stmts[0].Cmd.(*syntax.CallExpr)
	if !is || len(call.Args) < 2 || call.Args[0].Lit() != "readlink" {
		return nil
	}
	return call.Args[len(call.Args)-1]
}

// behindPidOption is the number in ps -p NUMBER, -pNUMBER and --pid=NUMBER.
func behindPidOption(w *syntax.Word) *syntax.Word {
	if len(w.Parts) == 2 && slices.Contains([]string{"-p", "-q", "--pid="}, literalStart(w)) {
		return &syntax.Word{Parts: w.Parts[1:]}
	}
	return w
}

// isKnown: the shell's own, or one that a patch has proven.
func isKnown(n number) bool { return n.from == ofSelf || n.from == ofPatch }

// ofInit: number 1 passes to nobody; scripts ask so whether procfs is there, and what init is (udev, sympa).
var ofInit = pattern(`^/proc/1(/|$)`)

var asksByNumber = pattern(`/proc/(\x00|[0-9*?[])`)

func (f *finder) procWord(s *syntax.Stmt, w *syntax.Word) bool {
	for _, v := range f.values(w) {
		if asksByNumber.Compiled().MatchString(v) && !ofInit.Compiled().MatchString(v) && !isKnown(f.numberOf(w)) {
			found := f.add(s, Proc, "")
			if its := behindReadlink(w); its != nil {
				w = its
			}
			f.replaceable(found, s, behindProc(w))
			found.silent = true // as test is
			f.inSkeleton(found, s)
			return true
		}
	}
	return false
}

// onlyInit: ps -o comm= -p 1.
func onlyInit(args []*syntax.Word) bool {
	last := ""
	if len(args) > 0 {
		last = args[len(args)-1].Lit()
	}
	return last == "1" || last == "-p1"
}

// replaceable notes what a replacement needs: the statement, and the pidfile that the number
// in one of its words was read from.
func (f *finder) replaceable(found *Finding, s *syntax.Stmt, w *syntax.Word) {
	if w == nil || f.script.unpatched {
		return
	}
	read, is := f.here(s, w)
	if !is {
		f.held(found, w)
		return
	}
	found.held = read.held
	found.pidfileWord, found.pidfile, found.begins = read.pidfile, textOf(read.pidfile), f.beginning(read.pidfile)
	found.node, found.silent = rangeOf(s), complaintsDropped(s)
	found.in = f.inside(s)
}

// here: the place can be replaced where it is.
func (f *finder) here(s *syntax.Stmt, w *syntax.Word) (reading, bool) {
	call, is := s.Cmd.(*syntax.CallExpr)
	if !is || s.Background || s.Coprocess || len(call.Assigns) > 0 {
		return reading{}, false
	}
	if slices.ContainsFunc(s.Redirs, func(r *syntax.Redirect) bool { return !quiet(r) }) {
		return reading{}, false
	}
	read, is := f.exact(w, s)
	if !is || f.oneOfMany(s, read.pidfile) {
		return reading{}, false
	}
	// A number that was read before may still be the daemon's when its pidfile has gone: who
	// waits for its end, or ends it at last, goes on by the number.
	return read, !read.held || !f.inWaitLoop(s) && !f.endsAtLast(call)
}

// endsAtLast: it is kill -9.
func (f *finder) endsAtLast(call *syntax.CallExpr) bool {
	return slices.ContainsFunc(f.commands(call), func(c command) bool {
		signal, _ := killArguments(f.source, c.args)
		return c.name == "kill" && (signal == "KILL" || signal == "9")
	})
}

func (f *finder) inWaitLoop(s *syntax.Stmt) bool {
	at := int(s.Pos().Offset())
	return slices.ContainsFunc(f.waits(), func(loop nodeRange) bool { return loop.from <= at && at < loop.to })
}

// lookForWaits are the loops that sleep.
func (f *finder) lookForWaits() (waits []nodeRange) {
	for _, file := range f.script.files {
		syntax.Walk(file, func(n syntax.Node) bool {
			switch n.(type) {
			case *syntax.WhileClause, *syntax.ForClause:
				if f.calls(n, 3, sleeps) {
					waits = append(waits, nodeRange{int(n.Pos().Offset()), int(n.End().Offset())})
				}
			}
			return true
		})
	}
	return waits
}

// rangeOf is a statement without its "!" and the semicolon behind it.
func rangeOf(s *syntax.Stmt) nodeRange {
	from, to := int(s.Cmd.Pos().Offset()), int(s.Cmd.End().Offset())
	for _, r := range s.Redirs {
		from, to = min(from, int(r.Pos().Offset())), max(to, int(r.End().Offset()))
	}
	return nodeRange{from, to}
}

func (f *finder) command(s *syntax.Stmt, c command) {
	switch c.name {
	case "kill":
		f.kill(s, c)
	case "pidof", "pidof.real":
		found := f.add(s, Pidof, "")
		f.named(found, c)
		f.inBlock(found, s)
	case "pidofproc", "killproc", "status", "checkproc", "checkpid", "checkpids":
		f.libraryCall(s, c)
	case "pgrep", "pidwait", "pwait":
		f.named(f.add(s, Pgrep, ""), c)
	case "pkill", "skill", "snice":
		f.named(f.add(s, Pkill, ""), c)
	case "killall", "killall5":
		f.named(f.add(s, Killall, ""), c)
	case "ps":
		if !isKnown(f.numbersOf(c.args)) && !onlyInit(c.args) {
			found := f.add(s, Ps, "")
			if len(c.args) > 0 {
				f.replaceable(found, s, behindPidOption(c.args[len(c.args)-1]))
				found.silent = true // as ps is where there is no such process
			}
		}
	case "fuser", "lsof":
		f.add(s, Fuser, "")
	case "start-stop-daemon":
		f.startStopDaemon(s, c)
	case "rm", "unlink":
		for _, w := range c.args {
			if f.isPidfile(w) || namesPID(w) {
				if covered := f.stoppedBefore(s); covered != "" || !f.proven(s) {
					f.inSkeleton(f.add(s, Removed, covered), s)
				}
				break
			}
		}
	case unknown:
		f.opaque(s, c)
	case "find", "ls", "cd", "pushd":
		if slices.ContainsFunc(c.args, f.isProcfs) {
			f.add(s, Proc, "")
			break
		}
		fallthrough
	default:
		f.waitsByNumber(s, c)
		for _, w := range c.args {
			if f.procWord(s, w) {
				break
			}
		}
	}
}

// lists: it shows processes, to a person unless another program has what it prints.
func (f *finder) lists(c command) Kind {
	switch c.name {
	case "pstree", "top":
		return Ps
	case "sockstat":
		return Fuser
	case "ss", "netstat":
		if slices.ContainsFunc(c.args, showsOwners) {
			return Fuser
		}
	}
	return ""
}

// showsOwners: -p has ss and netstat show which process a socket is of.
func showsOwners(w *syntax.Word) bool {
	text := literalStart(w)
	return text == "--processes" || text == "--program" || strings.HasPrefix(text, "-") && !strings.HasPrefix(text, "--") && strings.Contains(text, "p")
}

// isProcfs: a directory whose files are named by the numbers of processes.
func (f *finder) isProcfs(w *syntax.Word) bool {
	return slices.ContainsFunc(f.values(w), func(v string) bool { return v == "/proc" || v == "/proc/" })
}

// waitsByNumber: tail --pid=N and waitpid(1) wait for the end of whoever has a number.
func (f *finder) waitsByNumber(s *syntax.Stmt, c command) {
	var word *syntax.Word
	switch {
	case c.name == "tail":
		word = optionValue(f.source, c.args, "--pid", "--pid")
	case c.name == "waitpid" && len(c.args) > 0:
		word = c.args[len(c.args)-1]
	}
	if word == nil {
		return
	}
	if n := f.numberOf(word); n.from != ofChild && !isKnown(n) {
		f.add(s, WaitLoop, "")
	}
}

// namesPID: nobody removes a number, so the variable has a path.
func namesPID(w *syntax.Word) bool {
	names := variablesOf(w)
	return len(w.Parts) == 1 && len(names) == 1 && pidName.Compiled().MatchString(names[0])
}

func (f *finder) hook() string {
	if f.lsb {
		return "hook"
	}
	return ""
}

// named adds the hazard of a name that the kernel cuts off (TASK_COMM_LEN of
// include/linux/sched.h).
func (f *finder) named(found *Finding, c command) {
	for _, w := range c.args {
		for _, v := range f.values(w) {
			if len(v) > 15 && !strings.ContainsAny(v, "/ "+unknown) && v[0] != '-' && !slices.Contains(found.Hazards, LongName) {
				found.Hazards = append(found.Hazards, LongName)
			}
		}
	}
}

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
			if values := src.values(args[i]); len(values) == 1 {
				signal = values[0]
			}
		case len(text) > 1 && text[0] == '-' && len(targets) == 0 && text[1] != unknown[0]:
			signal = strings.TrimPrefix(text[1:], "SIG")
		default:
			targets = append(targets, args[i])
		}
	}
	return signal, targets
}

// opaque: a command that nobody knows before the script runs counts where it is given a number
// or a pidfile, or where a text is read as a script.
func (f *finder) opaque(s *syntax.Stmt, c command) {
	n := f.numbersOf(c.args)
	if call, is := s.Cmd.(*syntax.CallExpr); is {
		n.add(f.numberOf(call.Args[0]))
	}
	suspicious := c.text || n.from&^(ofSelf|ofChild) != 0 || f.givenSignal(c.args)
	for _, w := range c.args {
		suspicious = suspicious || f.isPidfile(w) && !daemonOption(w, c.args)
	}
	if in := f.functions[f.inside(s)]; in != nil && runsItsArguments(in) && positionalIn(s) {
		return // where the function is called, the command is known
	}
	if suspicious && !f.isDaemon(s) {
		f.add(s, CannotTell, "")
	}
}

// givenSignal: an option as kill has it, before a number or what may be one.
func (f *finder) givenSignal(args []*syntax.Word) bool {
	if len(args) > 2 && args[0].Lit() == "-s" {
		args = args[1:]
		return bareSignal.Compiled().MatchString("-" + args[0].Lit())
	}
	return len(args) > 1 && bareSignal.Compiled().MatchString(args[0].Lit()) && f.someNumber(args[1])
}

var bareSignal = pattern(`^-(9|15|(SIG)?(HUP|TERM|KILL|INT|QUIT|USR1|USR2|STOP|CONT|ABRT))$`)

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

// places: a pidfile where anybody can put one, at the assignment that says so.
func (f *finder) places(file *syntax.File) {
	syntax.Walk(file, func(n syntax.Node) bool {
		a, is := n.(*syntax.Assign)
		if !is || a.Value == nil || a.Name == nil {
			return true
		}
		for _, v := range f.values(a.Value) {
			if writable.Compiled().MatchString(v) && (pidfilePath.Compiled().MatchString(v) || f.pidfiles[a.Name.Value] || pidfileName.Compiled().MatchString(a.Name.Value)) {
				f.add(a, Writable, "")
				break
			}
		}
		return true
	})
}

var writable = pattern(`^(/tmp|/var/tmp|/dev/shm|/run/lock|/var/lock|/run/shm)/`)
