package audit

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// skeleton is what Debian's dh_make once gave its init scripts, of which 20 of the census have it still: a function that
// reads the pidfile, and asks another whether the number's process has the daemon's name in /proc; and a force_stop that
// asks the first one before each signal.
//
//	running() {
//		[ ! -f "$PIDFILE" ] && return 1
//		pid=`cat $PIDFILE`
//		running_pid $pid $DAEMON || return 1
//		return 0
//	}
type skeleton struct {
	asks     string // the function that asks
	compares string // the one that looks into /proc
	number   string // the variable that has the number then
	pidfile  *syntax.Word
	daemon   *syntax.Word
	question *syntax.Stmt // the call of the latter
}

// lookForSkeleton is nil where a script has no such function, or several.
func (f *finder) lookForSkeleton() (found *skeleton) {
	for _, decl := range f.own {
		if s := f.skeletonOf(decl); s != nil {
			if found != nil || f.functions[decl.Name.Value] != decl {
				return nil
			}
			found = s
		}
	}
	return found
}

func (f *finder) skeletonOf(decl *syntax.FuncDecl) *skeleton {
	body, is := decl.Body.Cmd.(*syntax.Block)
	if !is || len(body.Stmts) != 4 || textOf(body.Stmts[3]) != "return 0" {
		return nil
	}
	missing := pidfileMissing.Compiled().FindStringSubmatch(unquoted(textOf(body.Stmts[0])))
	reads, is := body.Stmts[1].Cmd.(*syntax.CallExpr)
	if missing == nil || !is || len(reads.Args) > 0 || len(reads.Assigns) != 1 || reads.Assigns[0].Value == nil {
		return nil
	}
	content, is := only(reads.Assigns[0].Value).(*syntax.CmdSubst)
	either, both := body.Stmts[2].Cmd.(*syntax.BinaryCmd)
	if !is || !both || either.Op != syntax.OrStmt || textOf(either.Y) != "return 1" || !standsAlone(body.Stmts[2]) || !standsAlone(either.X) {
		return nil
	}
	call, is := either.X.Cmd.(*syntax.CallExpr)
	s := &skeleton{asks: decl.Name.Value, number: reads.Assigns[0].Name.Value, pidfile: readWhole(content), question: either.X}
	if !is || len(call.Assigns) > 0 || len(call.Args) != 3 || s.pidfile == nil || unquoted(textOf(s.pidfile)) != missing[1] || unquoted(textOf(call.Args[1])) != "$"+s.number {
		return nil
	}
	s.compares, s.daemon = call.Args[0].Lit(), call.Args[2]
	if len(f.callsOf[s.compares]) != 1 || !f.onlyCompares(s) || !f.onePath(s.pidfile) {
		return nil
	}
	return s
}

var pidfileMissing = pattern(`^\[ ! -[efrs] ([^ ]+) \] && return 1$`)

// onlyCompares: nobody misses what the function does, but for its answer.
func (f *finder) onlyCompares(s *skeleton) bool {
	decl := f.functions[s.compares]
	if !slices.Contains(f.own, decl) || f.events().mentions[s.compares] != 2 {
		return false
	}
	harmless := true
	walk(decl, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CallExpr:
			harmless = harmless && (len(n.Args) == 0 || f.onlyAsks(n) || filters.Compiled().MatchString(n.Args[0].Lit()))
			for _, a := range n.Assigns {
				harmless = harmless && (a.Name.Value == s.number || !f.usedOutside(a.Name.Value, decl))
			}
		case *syntax.Redirect:
			harmless = harmless && (quiet(n) || n.Op == syntax.RdrIn)
		}
		return harmless
	})
	return harmless
}

var filters = pattern(`^(tr|cut|basename|tail|sed)$`)

func (f *finder) usedOutside(name string, decl *syntax.FuncDecl) (used bool) {
	for _, file := range f.script.files {
		walk(file, func(n syntax.Node) bool {
			if n == syntax.Node(decl) {
				return false
			}
			p, is := n.(*syntax.ParamExp)
			used = used || is && p.Param.Value == name
			return !used
		})
	}
	return used
}

// inSkeleton has a place replaced with the skeleton's question: what the compared number's process is, and whether a
// pidfile is removed after it was asked. A signal right behind the question goes to the number that it has just read.
func (f *finder) inSkeleton(found *Finding, s *syntax.Stmt) {
	k := f.skeleton()
	if k == nil || f.script.unpatched || found.node != (nodeRange{}) {
		return
	}
	in := f.inside(s)
	switch {
	case found.Kind == Proc && in == k.compares, found.Kind == Removed && found.Covered == "" && f.askedBefore(s, in, k.asks):
		found.asked = k
		found.node, found.in, found.silent = rangeOf(k.question), k.asks, true
	case found.Kind == Kill && f.rightBehind(s, k):
		found.behind = k
		found.node, found.in, found.silent = rangeOf(s), in, complaintsDropped(s)
	default:
		return
	}
	found.pidfileWord, found.pidfile, found.begins = k.pidfile, textOf(k.pidfile), f.beginning(k.pidfile)
}

// askedBefore: `if running; then` stands before it in the same function, and who is told so leaves: what comes behind is
// done where the daemon does not run.
func (f *finder) askedBefore(s *syntax.Stmt, in, asks string) (is bool) {
	if in == "" || in == asks || !slices.Contains(f.own, f.functions[in]) {
		return false
	}
	walk(f.functions[in], func(n syntax.Node) bool {
		clause, isIf := n.(*syntax.IfClause)
		is = is || isIf && clause.End().Offset() < s.Pos().Offset() && leaves(clause, asks)
		return !is
	})
	return is
}

// leaves: where it runs, the function or the script ends; or it is signalled, and asked for again.
func leaves(clause *syntax.IfClause, asks string) bool {
	if len(clause.Cond) != 1 || len(clause.Then) == 0 || textOf(clause.Cond[0]) != asks {
		return false
	}
	last := clause.Then[len(clause.Then)-1]
	if inner, is := last.Cmd.(*syntax.IfClause); is {
		return leaves(inner, asks)
	}
	call, is := last.Cmd.(*syntax.CallExpr)
	return is && len(call.Args) > 0 && (call.Args[0].Lit() == "exit" || call.Args[0].Lit() == "return") && standsAlone(last)
}

// rightBehind: it is the first statement of `if running; then`, and signals that number.
func (f *finder) rightBehind(s *syntax.Stmt, k *skeleton) (is bool) {
	call, isCall := s.Cmd.(*syntax.CallExpr)
	if !isCall || s.Background || s.Coprocess || len(call.Assigns) > 0 || slices.ContainsFunc(s.Redirs, func(r *syntax.Redirect) bool { return !quiet(r) }) ||
		unquoted(textOf(call.Args[len(call.Args)-1])) != "$"+k.number {
		return false
	}
	for _, file := range f.script.files {
		walk(file, func(n syntax.Node) bool {
			clause, isIf := n.(*syntax.IfClause)
			is = is || isIf && len(clause.Then) > 0 && clause.Then[0] == s && len(clause.Cond) == 1 && textOf(clause.Cond[0]) == k.asks
			return !is
		})
	}
	return is
}

// supplyAsked replaces the skeleton's question; its places are replaced with it.
func (src *source) supplyAsked(d theDaemon, f *Finding) {
	if !f.asked.of(d) || !src.means(d, f) {
		f.node = nodeRange{}
		return
	}
	old := src.script.text[f.node.from:f.node.to]
	f.Instead = "pidproof pidofproc -p " + quoted(f.pidfile) + " " + d.text + ", where " + f.asked.asks + " asks"
	f.new = f.guarded(src.script.text, "pidproof pidofproc -p "+quoted(f.pidfile)+" "+d.text+" >/dev/null 2>&1 || [ $? = 4 ]", old)
}

// of: the function asks for the script's one daemon.
func (k *skeleton) of(d theDaemon) bool { return quoted(unquoted(textOf(k.daemon))) == d.text }

// asksUs are the functions of a script that ask pidproof, and answer with what it says.
func (f *finder) asksUs() map[string]bool {
	asks := map[string]bool{}
	for _, decl := range f.own {
		walk(decl, func(n syntax.Node) bool {
			clause, is := n.(*syntax.IfClause)
			if is && len(clause.Cond) == 1 && clause.Else != nil && f.asksForUs(clause.Cond[0]) && len(clause.Then) == 1 && strings.HasPrefix(textOf(clause.Then[0]), "pidproof pidofproc -p ") {
				asks[decl.Name.Value] = true
			}
			return true
		})
	}
	return asks
}

// proven: a function that asks pidproof was called before, in the same function.
func (f *finder) proven(s *syntax.Stmt) bool {
	in := f.inside(s)
	for name := range f.asking() {
		if f.askedBefore(s, in, name) {
			return true
		}
	}
	return false
}

// skipUncalled notes the functions that are called where pidproof is missing only.
func (f *finder) skipUncalled() {
	for _, decl := range f.own {
		name := decl.Name.Value
		calls := f.callsOf[name]
		if len(calls) == 0 || len(f.guarded) == 0 || f.functions[name] != decl || f.events().mentions[name] != len(calls)+1 {
			continue
		}
		if !slices.ContainsFunc(calls, func(call *syntax.CallExpr) bool { return !anyHas(f.guarded, call.Pos().Offset()) }) {
			f.guarded = append(f.guarded, spanOf(decl))
		}
	}
}
