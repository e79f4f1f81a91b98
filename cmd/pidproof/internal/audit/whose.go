package audit

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// What follows keeps replacements from places whose number is not, or not only, that of the
// script's one daemon in the pidfile that is named.

// oneOfMany: the place is in a loop over the numbers of a pidfile, where killproc would take
// the first one each time (weborf's stop), or over the pidfiles of several programs.
func (f *finder) oneOfMany(s *syntax.Stmt, pidfile *syntax.Word) (is bool) {
	if !anyHas(f.flow().loops, s.Pos().Offset()) {
		return false
	}
	used := map[string]bool{}
	if call, isCall := s.Cmd.(*syntax.CallExpr); isCall {
		for _, w := range call.Args {
			for _, name := range variablesOf(w) {
				used[name] = true
			}
		}
	}
	for _, file := range f.script.files {
		walk(file, func(n syntax.Node) bool {
			if n == nil || n.Pos().Offset() > s.Pos().Offset() || s.End().Offset() > n.End().Offset() {
				return false
			}
			switch loop := n.(type) {
			case *syntax.ForClause:
				if over, isWords := loop.Loop.(*syntax.WordIter); isWords {
					is = is || used[over.Name.Value] || f.severalPrograms(over, pidfile)
				}
			case *syntax.Stmt:
				is = is || f.readsLines(loop, used)
			}
			return !is
		})
	}
	return is
}

// severalPrograms: the loop's variable goes into the pidfile's name, and is several names of
// the script's own (psad's stop), or anything in a directory where the daemon has one pidfile
// of a fixed name (xymon's rotate).
func (f *finder) severalPrograms(over *syntax.WordIter, pidfile *syntax.Word) bool {
	name := over.Name.Value
	if !f.dependsOn(pidfile, name, 0) {
		return false
	}
	for _, w := range f.assigned[name] {
		if values := f.values(w); !slices.Contains(over.Items, w) && len(values) == 1 && strings.HasPrefix(values[0], "/") && !strings.ContainsAny(values[0], unknown+"*?[") {
			return true
		}
	}
	words := 0
	for _, item := range over.Items {
		for _, v := range f.values(item) {
			if !strings.Contains(v, unknown) {
				words += len(strings.Fields(v))
			}
		}
	}
	return words > 1
}

const assignedThrough = 4 // variables, one behind the other

func (f *finder) dependsOn(word *syntax.Word, name string, depth int) bool {
	for _, used := range variablesOf(word) {
		if used == name {
			return true
		}
		for _, w := range f.nearest(f.assigned[used], word) {
			if depth < assignedThrough && f.dependsOn(w, name, depth+1) {
				return true
			}
		}
	}
	return false
}

// readsLines: `while read pid` takes every line, unless it is given one only.
func (f *finder) readsLines(s *syntax.Stmt, used map[string]bool) bool {
	cmd := s.Cmd
	if pipe, is := cmd.(*syntax.BinaryCmd); is && pipe.Op == syntax.Pipe {
		if from, is := pipe.X.Cmd.(*syntax.CallExpr); is && oneLine.Compiled().MatchString(textOf(from)) {
			f.oneLiners = append(f.oneLiners, pipe.Y)
		}
		return false
	}
	loop, is := cmd.(*syntax.WhileClause)
	if !is || len(loop.Cond) != 1 || slices.Contains(f.oneLiners, s) {
		return false
	}
	call, is := loop.Cond[0].Cmd.(*syntax.CallExpr)
	return is && isRead(call) && slices.ContainsFunc(call.Args[1:], func(w *syntax.Word) bool { return used[w.Lit()] })
}

var oneLine = pattern(`^(head (-1|-n ?1)|sed (-n )?1[pq])( |$)`)

// foreign: nothing says whose the pidfiles are, because no command has both a pidfile and the
// daemon, and there are several (anytun has another daemon). Those whose names begin alike are
// the daemon's instances (tinc).
func (src *source) foreign(found []Finding) bool {
	var names []string
	for _, f := range found {
		if f.node != (nodeRange{}) && !slices.Contains(names, f.begins) {
			names = append(names, f.begins)
		}
	}
	return len(names) > 1 && len(src.pidfiles) == 0
}

// beginning is what is known of a pidfile's name.
func (src *source) beginning(pidfile *syntax.Word) string {
	name := first(src.values(pidfile))
	if at := strings.IndexAny(name, unknown+"*?["); at >= 0 {
		name = name[:at]
	}
	return name
}

// findable: a daemon's file is given by an absolute path, or is searched in PATH.
func findable(values []string) bool {
	return !slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, "/") && v[0] != '/' && v[0] != unknown[0] })
}
