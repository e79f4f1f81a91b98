package histories

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// Histories that were answered wrongly once, or would be by an obvious mistake. Those
// of an ordinary user against root's pidfile are issue 13's items 3 and 4, those of
// files that moved its item 6.
var known = []struct {
	name  string
	steps []Step
}{
	{"moved to a name that begins like the daemon's", []Step{
		{Do: "start", B: 4}, {Do: "move", B: 0}}},
	{"moved to a name that does not", []Step{
		{Do: "start", B: 4}, {Do: "move", B: 1}}},
	{"moved, and a new file came", []Step{
		{Do: "start", B: 4}, {Do: "move", B: 2, C: 1}}},
	{"moved, with its pidfile", []Step{
		{Do: "start", D: 2}, {Do: "move", B: 2, C: 1}}},
	{"moved, and the moved file removed", []Step{
		{Do: "start", B: 4}, {Do: "move", B: 1, C: 1}, {Do: "unlink"}}},
	{"left over from a main process, and moved", []Step{
		{Do: "start", D: 1}, {Do: "move", B: 1}, {Do: "kill"}}},
	{"left over from a main process, and adopted by nobody", []Step{
		{Do: "start", D: 1}, {Do: "kill"}, {Do: "age"}, {Do: "adopt"}}},
	{"left over, but started when the pidfile was written, as after two forks", []Step{
		{Do: "start", D: 1}, {Do: "kill"}, {Do: "adopt"}, {Do: "killproc"}}},
	{"started through the source of a bind mount", []Step{
		{Do: "bind"}, {Do: "start a link", B: 4}}},
	{"started through the source of a bind mount, and its pidfile from before the boot", []Step{
		{Do: "bind", A: 1}, {Do: "start a link", A: 1}, {Do: "age", B: 2, C: 5, D: 1}}},
	{"started through a hard link", []Step{
		{Do: "start a link", B: 4}}},
	{"started through a hard link that is gone", []Step{
		{Do: "start a link", B: 4}, {Do: "unlink"}}},
	{"a user recycled the number, and executes the daemon", []Step{
		{Do: "start"}, {Do: "kill"}, {Do: "recycle", B: 2}}},
	{"a user recycled the number, and nothing tells of the clock", []Step{
		{Do: "start"}, {Do: "kill"}, {Do: "hide elder"}, {Do: "recycle", B: 2}}},
	{"a user recycled the number of an instance of before the boot", []Step{
		{Do: "start"}, {Do: "kill"}, {Do: "recycle", B: 2, C: 2}}},
	{"a user recycled the number, and only another user's instance tells of the clock", []Step{
		{Do: "hide elder"}, {Do: "start", A: 1, C: 1}, {Do: "ask"}, {Do: "ask"}, {Do: "start", C: 1}, {Do: "age"}}},
	{"a worker of an instance without a pidfile has the number", []Step{
		{Do: "start", B: 4, D: 1}, {Do: "rewrite", B: 1, C: 1}, {Do: "age"}}},
	{"root restarted by hand long after", []Step{
		{Do: "start"}, {Do: "kill"}, {Do: "recycle", B: 5}}},
	{"the clock was set, and the daemon runs as a user", []Step{
		{Do: "start", C: 1, D: 2}, {Do: "set clock"}, {Do: "killproc", B: 2}}},
	{"the clock was set, and a user's instance runs", []Step{
		{Do: "start", C: 1}, {Do: "set clock"}}},
	{"the clock was set, and nothing else tells so", []Step{
		{Do: "start", C: 1}, {Do: "hide elder"}, {Do: "set clock"}}},
	{"a user's pidfile from before the boot, and root's moved daemon", []Step{
		{Do: "start", A: 1, B: 2}, {Do: "hide elder"}, {Do: "register"}, {Do: "move", A: 7}, {Do: "set clock", A: 2, B: 1, D: 2}}},
	{"a user's pidfile from before the boot, root's moved daemon, and one unclaimed", []Step{
		{Do: "start", A: 1, B: 2}, {Do: "move", A: 1, C: 1}, {Do: "start", A: 1, B: 4}, {Do: "age", B: 2}}},
	{"what is late by the span of a user's daemon goes by another name than its pidfile", []Step{
		{Do: "register", B: 7, C: 11, D: 4}, {Do: "age", A: 5, B: 1, C: 10, D: 6}, {Do: "set clock", A: 2, B: 3, C: 10, D: 2}, {Do: "replace", A: 3, B: 10, C: 4, D: 1},
		{Do: "start", A: 8, B: 6, C: 11, D: 5}, {Do: "ask", D: 11}, {Do: "adopt", A: 10, B: 3, D: 1}, {Do: "age", A: 1, B: 3, C: 7, D: 7},
		{Do: "start a link", A: 5, D: 4}, {Do: "start", A: 2, B: 9, D: 6}, {Do: "adopt", A: 10, C: 3, D: 1}, {Do: "ask", A: 3, B: 6, C: 8, D: 9},
		{Do: "age", A: 7, B: 7, C: 1, D: 9}}},
	{"a user's instance is adopted by nobody", []Step{
		{Do: "start", B: 4, C: 1}, {Do: "adopt"}}},
	{"a user's instance, and its own pidfile", []Step{
		{Do: "start", B: 2, C: 1}, {Do: "kill"}, {Do: "start", B: 4, C: 1}, {Do: "adopt", A: 2}}},
	{"a user's worker that has the number of his stale pidfile, adopted, and moved", []Step{
		{Do: "start", B: 2, C: 8, D: 8}, {Do: "TERM", A: 8, B: 3, D: 10}, {Do: "recycle", A: 3, B: 11, C: 2, D: 7},
		{Do: "kill", A: 3, B: 1, C: 3}, {Do: "adopt", A: 10, B: 1, C: 3, D: 4}, {Do: "move", B: 8, C: 11, D: 11}}},
	{"a user's process that leads the group of his stale pidfile's number, adopted", []Step{
		{Do: "recycle", A: 4, B: 2, C: 6, D: 1}, {Do: "age", A: 4, B: 5, C: 1, D: 3}, {Do: "adopt", A: 2, C: 3, D: 6}}},
	{"a user's stale pidfile, and his process that has the number", []Step{
		{Do: "start", B: 2, C: 1}, {Do: "kill"}, {Do: "recycle", B: 2}}},
	{"a user's copy in a mount tree of his own", []Step{
		{Do: "start"}, {Do: "kill"}, {Do: "recycle", B: 6, C: 3}, {Do: "killproc"}}},
	{"a user's copy in a mount tree of his own, removed", []Step{
		{Do: "start"}, {Do: "kill"}, {Do: "recycle", B: 6, C: 3, D: 1}, {Do: "killproc"}}},
	{"a worker of another instance", []Step{
		{Do: "start"}, {Do: "kill"}, {Do: "recycle", B: 4}, {Do: "killproc"}}},
	{"the main process of another instance", []Step{
		{Do: "start"}, {Do: "kill"}, {Do: "recycle", B: 3}, {Do: "killproc"}}},
	{"a user got the number within a second", []Step{
		{Do: "start"}, {Do: "kill"}, {Do: "recycle", B: 2, C: 3}, {Do: "soon"}}},
	{"a user got the number within a second, and nothing tells of the clock", []Step{
		{Do: "start"}, {Do: "kill"}, {Do: "hide elder"}, {Do: "recycle", B: 2, C: 3}, {Do: "soon"}}},
	{"late by the span of root's other daemon, by a name that is not its pidfile's", []Step{
		{Do: "bind"}, {Do: "start a link", C: 1}, {Do: "start", B: 1}, {Do: "kill", A: 1}, {Do: "set clock"}}},
	{"a user's process by another link, late for two pidfiles", []Step{
		{Do: "start a link", C: 1}, {Do: "rewrite", A: 1}, {Do: "age"}, {Do: "age", A: 1, B: 2}, {Do: "start", B: 4}}},
	{"adopted beside one that was renamed, and whose pidfile is older", []Step{
		{Do: "start"}, {Do: "move", B: 3, C: 1}, {Do: "age"}, {Do: "start", B: 4}, {Do: "adopt", A: 1}}},
	{"an upgrade, and a second instance", []Step{
		{Do: "start", D: 1}, {Do: "start", B: 1, D: 1}, {Do: "replace"}, {Do: "restart"}}},
}

// sure are those where the model has to allow one answer only, what check says of the
// first pidfile: a model that allows everything would find nothing.
var sure = map[string]int{
	"moved to a name that begins like the daemon's":                                   exitUnknown,
	"moved to a name that does not":                                                   exitUnknown,
	"moved, with its pidfile":                                                         exitRunning,
	"started through the source of a bind mount":                                      exitUnclaimed,
	"started through a hard link":                                                     exitUnknown,
	"a user recycled the number, and executes the daemon":                             exitUnclaimed,
	"a user recycled the number, and nothing tells of the clock":                      exitUnknown,
	"a user recycled the number of an instance of before the boot":                    exitUnclaimed,
	"a user recycled the number, and only another user's instance tells of the clock": exitUnknown,
	"a worker of an instance without a pidfile has the number":                        exitUnknown,
	"root restarted by hand long after":                                               exitRunning,
	"the clock was set, and a user's instance runs":                                   exitRunning,
	"a user's copy in a mount tree of his own":                                        exitDead,
	"a user's copy in a mount tree of his own, removed":                               exitDead,
	"a user got the number within a second":                                           exitUnknown,
}

func TestKnown(t *testing.T) {
	l := lab(t)
	for _, k := range known {
		t.Run(k.name, func(t *testing.T) {
			w, err := l.Play(k.steps)
			for errors.Is(err, errVoid) {
				w, err = l.Play(k.steps)
			}
			if err != nil {
				t.Errorf("%v\nafter:\n  %s", err, strings.Join(w.told, "\n  "))
			}
			f := w.instances()[0]
			if want, is := sure[k.name]; is && !slices.Equal(w.codes(f, f.daemon), []int{want}) {
				t.Errorf("the model allows %v, want %d alone", w.codes(f, f.daemon), want)
			}
			t.Log(strings.Join(w.told, "; "))
		})
	}
}
