package histories

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// wrong is an answer that contradicts the model.
type wrong struct {
	Question, Want, Got string
}

func (e wrong) Error() string {
	return fmt.Sprintf("%s\n  want: %s\n  got:  %s", e.Question, e.Want, e.Got)
}

// exits of check.
const (
	exitRunning   = 0
	exitDead      = 1
	exitMissing   = 3
	exitUnknown   = 4
	exitUnclaimed = 150
)

// codes are the exit codes of check that are right.
func (w *world) codes(f *pidfile, daemon string) []int {
	var codes []int
	v := w.verdict(f, daemon)
	if v&running != 0 {
		codes = append(codes, exitRunning)
	}
	if v&unknown != 0 {
		codes = append(codes, exitUnknown)
	}
	if v&(stale|missing) != 0 {
		may := w.search(daemon, f)
		if may&unclaimed != 0 {
			codes = append(codes, exitUnclaimed)
		}
		if may&unclear != 0 {
			codes = append(codes, exitUnknown)
		}
		if may&nobody != 0 && v&stale != 0 {
			codes = append(codes, exitDead)
		}
		if may&nobody != 0 && v&missing != 0 {
			codes = append(codes, exitMissing)
		}
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// check asks about one pidfile and a daemon.
func (w *world) check(f *pidfile, daemon string) error {
	code, out, complaints, err := w.lab.ask("check", "-p", f.path, daemon)
	if err != nil {
		return err
	}
	if want := w.codes(f, daemon); !slices.Contains(want, code) {
		return w.wrong("check -p "+f.path+" "+daemon, fmt.Sprint(want), code, out, complaints)
	}
	return nil
}

// pidof asks for all processes of a daemon: the newest number first, nobody twice.
func (w *world) pidof(daemon string) error {
	code, out, complaints, err := w.lab.ask("pidof", daemon)
	if err != nil {
		return err
	}
	var must, may, got []int
	for _, p := range w.processes() {
		switch w.relation(p, daemon) {
		case runs:
			must = append(must, p.pid)
		case moved, perhaps: // what cannot be told need not be listed
			may = append(may, p.pid)
		}
	}
	for _, word := range strings.Fields(out) {
		pid, err := strconv.Atoi(word)
		if err != nil {
			return fmt.Errorf("pidof prints %q", out)
		}
		got = append(got, pid)
	}
	right := slices.IsSortedFunc(got, func(a, b int) int { return b - a }) && len(got) == len(slices.Compact(slices.Clone(got)))
	for _, pid := range must {
		right = right && slices.Contains(got, pid)
	}
	for _, pid := range got {
		right = right && (slices.Contains(must, pid) || slices.Contains(may, pid))
	}
	wantCode := 0
	if len(got) == 0 {
		wantCode = 1
	}
	if !right || code != wantCode {
		return w.wrong("pidof "+daemon, fmt.Sprintf("%v, perhaps %v, the newest first", must, may), code, out, complaints)
	}
	return nil
}

func (w *world) wrong(question, want string, code int, out, complaints string) error {
	shorten := strings.NewReplacer(w.lab.dir+"/", "")
	got := strings.TrimSpace(out + complaints)
	return wrong{shorten.Replace(question), shorten.Replace(want), shorten.Replace(fmt.Sprintf("exit %d: %s", code, got))}
}

// ask puts all questions.
func (w *world) ask() error {
	if err := w.tellable(); err != nil {
		return err
	}
	for _, daemon := range w.daemons {
		for i, f := range w.of(daemon) {
			if i > 0 && f.state == absent {
				continue // it would be the first one's question again
			}
			if err := w.check(f, daemon); err != nil {
				return err
			}
		}
		if err := w.pidof(daemon); err != nil {
			return err
		}
	}
	if err := w.list(); err != nil {
		return err
	}
	return w.unharmed()
}

// unharmed: whoever should live does.
func (w *world) unharmed() error {
	for _, p := range w.processes() {
		if !lives(p.pid) {
			return wrong{"who lives", p.String() + " lives", "it has ended"}
		}
	}
	return nil
}
