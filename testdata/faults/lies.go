package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
)

// lie is an error that nobody can tell from the truth, because the kernel says the same
// when it is true and there is no second source. Then the answer must be the one that
// is given where it is true. Everything else that is contradicted by another call has
// to be unknown.
type lie struct {
	why     string
	calls   []string
	errnos  []string
	subject *regexp.Regexp // what the call is about, as subjectOf gives it
	// truth makes it true; it is told the subject's submatches.
	truth func(s *scene, of []string) error
}

var notThere = []string{"ENOENT", "ESRCH"} // to Go and to us the same: vanished

func removed(s *scene, of []string) error { return os.RemoveAll(of[0]) }

func killed(s *scene, of []string) error {
	pid, err := strconv.Atoi(of[1])
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err == nil {
		err = until("the end of "+of[1], func() bool { s.collect(); return startOf(pid) == "" })
	}
	return err
}

var lies = []lie{
	{
		"a pidfile, or its directory, may be removed at any moment; its path is followed once",
		[]string{"openat"}, notThere, regexp.MustCompile(`^/run/.*`), removed,
	},
	{
		"a registration, or all of them, may be removed at any moment",
		[]string{"openat", "newfstatat", "unlinkat"}, notThere, regexp.MustCompile(`^.*/instances\.d(/\w+)?$`), removed,
	},
	{
		"the files of superservers, an init script and the settings need not exist; the first look at them tells",
		[]string{"newfstatat", "openat"}, notThere, regexp.MustCompile(`^/etc/(inetd\.conf|xinetd\.conf|init\.d/webd|default/pidproof)$`), removed,
	},
	{
		"a daemon may be removed; it is told by its first look-up",
		[]string{"newfstatat", "statx", "openat"}, []string{"ENOENT"}, regexp.MustCompile(`^/.*/sbin/(webd|scriptd)$`), removed,
	},
	{
		"pidfd_open(2) is the one call that says that nobody has a number",
		[]string{"pidfd_open"}, []string{"ESRCH"}, regexp.MustCompile(`^(\d+)$`), killed,
	},
	{
		"a process that ends while all are looked at is not there any more; nothing holds it",
		[]string{"openat", "read"}, notThere, regexp.MustCompile(`^/proc/(\d+)/(stat|status|cmdline)$`), killed,
	},
}

var (
	atPath   = regexp.MustCompile(`^(?:AT_FDCWD|\d+)<([^>]*)>, "([^"]*)"`)
	ofFile   = regexp.MustCompile(`^\d+<([^>]*)>`)
	ofNumber = regexp.MustCompile(`^(\d+),`)
)

// subjectOf is what a call is about: a path or a PID.
func subjectOf(c call) string {
	if m := atPath.FindStringSubmatch(c.args); m != nil {
		if filepath.IsAbs(m[2]) {
			return filepath.Clean(m[2])
		}
		return filepath.Join(m[1], m[2])
	}
	for _, form := range []*regexp.Regexp{ofFile, ofNumber} {
		if m := form.FindStringSubmatch(c.args); m != nil {
			return m[1]
		}
	}
	return ""
}

// indistinguishable reports a fault that is a lie, with the answer that is right where
// it is true. The scene is used up.
func (c command) indistinguishable(s *scene, sit situation, f fault, hit *call, r run) (bool, error) {
	if slices.Contains(notThere, f.Errno) && r.hits() > 1 { // in several threads: nobody can arrange that truth
		return true, nil
	}
	subject := subjectOf(*hit)
	for _, l := range lies {
		of := l.subject.FindStringSubmatch(subject)
		if of == nil || !slices.Contains(l.calls, f.Call) || !slices.Contains(l.errnos, f.Errno) {
			continue
		}
		role := -1 // of whom it is about: his number is another in the next scene
		if number, err := strconv.Atoi(of[len(of)-1]); err == nil || len(of) > 1 {
			if err != nil {
				number, err = strconv.Atoi(of[1])
			}
			if err == nil {
				if role = slices.Index(s.roles(), number); role < 0 {
					return false, nil // not of the scene
				}
			}
		}
		truth, err := s.set(sit, c)
		if err != nil {
			return false, err
		}
		if role >= 0 {
			of[1] = fmt.Sprint(truth.roles()[role])
		}
		if err := l.truth(truth, of); err != nil {
			return false, fmt.Errorf("making it true that %s is not there: %w", subject, err)
		}
		right, err := truth.under(fault{}, c)
		if err != nil {
			return false, err
		}
		return right.exit == r.exit && slices.Equal(spokenOf(right), spokenOf(r)), nil
	}
	return false, nil
}

// roles are the processes of a scene, in an order that is the same in each.
func (s *scene) roles() []int {
	return []int{s.main, s.worker, s.other, s.otherWorker, s.stranger}
}

var spoken = regexp.MustCompile(`<[a-z' ]+>|\b900000\d\b`)

// spokenOf are the processes that a command names: whoever says that one is gone must
// not find it in the next sentence.
func spokenOf(r run) []string {
	all := spoken.FindAllString(r.stdout+r.stderr, -1)
	slices.Sort(all)
	return slices.Compact(all)
}
