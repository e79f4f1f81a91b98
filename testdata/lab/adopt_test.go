package lab

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// An instance whose pidfile is lost runs on, and its init script can neither stop it nor start it beside itself. So
// administrators meet "which do not match your pid file which are left untouched in the name of safety", too.

// adopt runs "pidproof adopt" for an instance, and requires its exit code, and that it names these processes.
func (f fleet) adopt(t *testing.T, s service, code int, pids []int, options ...string) Result {
	t.Helper()
	args := append([]string{"adopt"}, options...)
	result := f.Run(t, "pidproof", append(args, "-p", s.pidfile, s.daemon)...)
	if result.Code != code {
		t.Fatalf("adopt %s %q: %+v, want exit %d", s.name, options, result, code)
	}
	for _, pid := range pids {
		if !names(result.Stdout+result.Stderr, pid) {
			t.Errorf("adopt %s %q: %+v, want PID %d", s.name, options, result, pid)
		}
	}
	return result
}

// byUser precedes the command that root is told, where the directory of the pidfile is the daemon's user's.
const byUser = "; let its user write it: "

// mends has a lost pidfile written anew.
func (f fleet) mends(t *testing.T, s service, pid int) {
	t.Helper()
	if !f.usersDir {
		f.adopt(t, s, 0, []int{pid}, "--yes")
		return
	}
	_, command, told := strings.Cut(f.adopt(t, s, 1, []int{pid}, "--yes").Stderr, byUser)
	if !told {
		t.Fatalf("adopt %s does not say how its user writes the pidfile", s.name)
	}
	f.Must(t, command)
}

// shown is the exit code of adopt where it would write a pidfile, or would if it might.
func (f fleet) shown() int {
	if f.usersDir {
		return 1
	}
	return 0
}

// names tells whether a text has this number.
func names(text string, pid int) bool {
	notDigit := func(r rune) bool { return r < '0' || r > '9' }
	return slices.Contains(strings.FieldsFunc(text, notDigit), strconv.Itoa(pid))
}

// kept keeps copies of pidfiles, under names that are no pidfiles', and returns what puts them back.
func (f fleet) kept(t *testing.T, services ...service) (restore func()) {
	t.Helper()
	var keep, put []string
	for _, s := range services {
		keep = append(keep, fmt.Sprintf("cp -p %s /run/kept/%s", s.pidfile, s.name))
		put = append(put, fmt.Sprintf("cp -p /run/kept/%s %s", s.name, s.pidfile))
	}
	f.Must(t, "mkdir -p /run/kept && "+strings.Join(keep, " && "))
	return func() { f.Must(t, strings.Join(put, " && ")) }
}

// pidfileLost: the init script knows its instance again once the pidfile is adopted. The others are not in question.
func (f fleet) pidfileLost(t *testing.T) {
	s := f.registered[0]
	f.undisturbed(t, f.all()...)
	pid, file := s.pid(t, f.Host), f.Must(t, "stat -c '%U %a' "+s.pidfile)
	defer f.kept(t, s)()
	f.adopt(t, s, 0, []int{pid}) // nothing is lost yet

	for lost, status := range map[string]int{"rm ": 3, "echo 999999 >": 1, ": >": 1} {
		t.Run(lost, func(t *testing.T) {
			f.Must(t, lost+s.pidfile)
			left := f.Sh(t, "cat "+s.pidfile).Stdout
			s.call(t, f.Host, "status", status)
			f.adopt(t, s, f.shown(), []int{pid})
			if now := f.Sh(t, "cat "+s.pidfile).Stdout; now != left {
				t.Errorf("without --yes %s became %q", s.pidfile, now)
			}
			f.mends(t, s, pid)
			if now := f.Must(t, "cat "+s.pidfile); now != fmt.Sprintln(pid) {
				t.Errorf("%s holds %q, want %d", s.pidfile, now, pid)
			}
			if now := f.Must(t, "stat -c '%U %a' "+s.pidfile); now != file {
				t.Errorf("%s was %s and is %s", s.pidfile, file, now)
			}
			s.call(t, f.Host, "status", 0)
		})
	}
}

// Two lost: which is whose, nobody can tell, and neither is written.
func (f fleet) twoPidfilesLost(t *testing.T) {
	one, two := f.registered[0], f.registered[1]
	f.undisturbed(t, f.all()...)
	pids := []int{one.pid(t, f.Host), two.pid(t, f.Host)}
	defer f.kept(t, one, two)()
	f.Must(t, fmt.Sprintf("rm %s %s", one.pidfile, two.pidfile))
	for _, options := range [][]string{nil, {"--yes"}} {
		f.adopt(t, one, 1, pids, options...)
		f.Must(t, fmt.Sprintf("test ! -e %s && test ! -e %s", one.pidfile, two.pidfile))
	}
}

// otherPidfileLost: one process runs unclaimed, and is another instance's, whose pidfile is lost. It must not be put
// into the pidfile of this one, which is stopped.
func (f fleet) otherPidfileLost(t *testing.T) {
	stopped, lost := f.registered[0], f.registered[1]
	f.undisturbed(t, lost, f.other)
	stopped.call(t, f.Host, "stop", 0)
	pid, restore := lost.pid(t, f.Host), f.kept(t, lost)
	defer func() {
		if !t.Failed() || f.Run(t, stopped.script(), "status").Code == 0 {
			return
		}
		restore() // for the tests that follow
		f.Must(t, "rm -f "+stopped.pidfile)
		f.register(t)
		stopped.call(t, f.Host, "start", 0)
	}()
	f.Must(t, "rm "+lost.pidfile)
	for _, options := range [][]string{nil, {"--yes"}} {
		if result := f.adopt(t, stopped, 1, []int{pid}, options...); strings.Contains(result.Stderr, byUser) {
			t.Errorf("adopt says how to put PID %d into the wrong pidfile: %s", pid, result.Stderr)
		}
		f.Must(t, fmt.Sprintf("test ! -e %s && test ! -e %s", stopped.pidfile, lost.pidfile))
	}

	f.Must(t, "pidproof unregister "+stopped.name) // which the refusal says
	f.mends(t, lost, pid)
	f.register(t)
	stopped.call(t, f.Host, "start", 0)
	stopped.works(t, f.Host)
}
