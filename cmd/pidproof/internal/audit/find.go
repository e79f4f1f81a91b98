package audit

import (
	"slices"
	"sort"
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
	hearing   func() *hearing
	made      func() map[string][]uint
	blocks    []*block
	skeleton  func() *skeleton
	asking    func() map[string]bool
}

// find names the places of a script, in the order of its lines; supply has one of a kind a line.
func find(src *source) []Finding {
	f := &finder{source: src}
	f.stops, f.waits, f.events = sync.OnceValue(f.lookForStops), sync.OnceValue(f.lookForWaits), sync.OnceValue(f.lookForEvents)
	f.made, f.hearing = sync.OnceValue(f.lookForMade), sync.OnceValue(f.lookForHearing)
	f.flow, f.skeleton, f.asking = sync.OnceValue(f.lookForFlow), sync.OnceValue(f.lookForSkeleton), sync.OnceValue(f.asksUs)
	for _, file := range src.script.files {
		f.skipGuarded(file)
	}
	f.skipUncalled()
	for _, file := range src.script.files {
		walk(file, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.Stmt:
				f.statement(n)
			case *syntax.CmdSubst:
				if len(n.Stmts) > 0 {
					f.shown(n.Stmts[len(n.Stmts)-1], n)
				}
			}
			return true
		})
		f.loops(file)
		f.places(file)
	}
	if src.steps > stepLimit {
		f.found = append(f.found, Finding{Path: src.script.path, Line: 1, Kind: CannotTell, Words: "too much of it depends on too much else"})
	}
	sort.SliceStable(f.found, func(i, j int) bool { return f.found[i].Line < f.found[j].Line })
	return f.found
}

// skipGuarded notes the else branches of `if command -v pidproof`.
func (f *finder) skipGuarded(file *syntax.File) {
	walk(file, func(n syntax.Node) bool {
		if clause, is := n.(*syntax.IfClause); is && len(clause.Cond) == 1 && clause.Else != nil && f.asksForUs(clause.Cond[0]) {
			f.guarded = append(f.guarded, nodeRange{int(clause.Else.Pos().Offset()), int(clause.Else.End().Offset())})
		}
		return true
	})
}

// asksForUs: the script asks whether pidproof is there, and has none of its own.
func (src *source) asksForUs(s *syntax.Stmt) bool {
	call, is := s.Cmd.(*syntax.CallExpr)
	if !is || s.Negated || len(call.Assigns) > 0 || slices.ContainsFunc(s.Redirs, func(r *syntax.Redirect) bool { return !quiet(r) }) {
		return false
	}
	if src.functions["pidproof"] != nil || src.functions["command"] != nil {
		return false
	}
	words := textsOf(call.Args)
	return words == "command -v pidproof" || ownFile.Compiled().MatchString(words)
}

var ownFile = pattern(`^\[ -x (/usr(/local)?)?/s?bin/pidproof \]$`)

func (f *finder) add(n syntax.Node, kind Kind, covered string) *Finding {
	at := int(n.Pos().Offset())
	for _, g := range f.guarded {
		if g.from <= at && at < g.to {
			return &Finding{}
		}
	}
	about := aboutKind(kind)
	f.found = append(f.found, Finding{
		Path: f.script.path, Line: int(n.Pos().Line()), Kind: kind, Words: f.words(n),
		Hazards: slices.Clone(about.hazards), Covered: covered, Instead: about.instead,
	})
	return &f.found[len(f.found)-1]
}

// words are a place as it is written; of a long chain, its beginning.
func (f *finder) words(n syntax.Node) string {
	if n.End().Offset()-n.Pos().Offset() > lineLimit {
		return firstLine(f.line(n))
	}
	return textOf(n)
}

func (f *finder) statement(s *syntax.Stmt) {
	f.writes(s)
	f.empties(s)
	f.hidden(s)
	switch cmd := s.Cmd.(type) {
	case *syntax.CallExpr:
		for _, c := range f.commands(cmd) {
			f.command(s, c)
		}
	case *syntax.IfClause:
		f.noteBlock(s)
	case *syntax.TestClause:
		walk(cmd, func(n syntax.Node) bool {
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

// isKnown: the shell's own, or one that a patch has proven.
func isKnown(n number) bool { return n.from == ofSelf || n.from == ofPatch }

// ofInit: number 1 passes to nobody; scripts ask so whether procfs is there, and what init is (udev, sympa).
var ofInit = pattern(`^/proc/+1(/|$)`)

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
	case "rm", "unlink", "mv":
		f.removal(s, c)
	case unknown:
		f.opaque(s, c)
	case "find", "ls", "cd", "pushd", "cp", "install", "ln", "dd", "truncate", "shred", "wipe", "srm", "sed":
		f.removal(s, c)
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

func (f *finder) removal(s *syntax.Stmt, c command) {
	if f.removes(c) || f.emptiesBy(c) {
		f.removed(s, c)
	}
}

// removed: of what a command is given, a pidfile is gone, or empty.
func (f *finder) removed(s *syntax.Stmt, c command) {
	if covered := f.stoppedBefore(s, c); covered != "" || !f.proven(s) {
		f.inSkeleton(f.add(s, Removed, covered), s)
	}
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

var bareSignal = pattern(`^-(9|15|(SIG)?(HUP|TERM|KILL|INT|QUIT|USR1|USR2|STOP|CONT|ABRT))$`)
