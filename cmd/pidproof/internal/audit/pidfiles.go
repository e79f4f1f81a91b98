package audit

import (
	"slices"

	"mvdan.cc/sh/v3/syntax"
)

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

// namesPID: nobody removes a number, so the variable has a path.
func namesPID(w *syntax.Word) bool {
	names := variablesOf(w)
	return len(w.Parts) == 1 && len(names) == 1 && pidName.Compiled().MatchString(names[0])
}

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
