package ondemand

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"pidproof/cmd/pidproof/internal/record"
	"pidproof/cmd/pidproof/internal/wholefile"
	"pidproof/matcher"
)

const (
	inetdConf    = "/etc/inetd.conf"
	inetdPidfile = "/run/inetd.pid"
)

// inetds are what Debian's packages call theirs: openbsd-inetd and inetutils-inetd.
var inetds = []string{"inetd", "inetutils-inetd"}

// inetd is the one that runs, and the lines that are a service's.
type inetd struct {
	pid     int // 0: none runs
	entries []entry
	others  []string // programs of other services' lines
}

// lookAtInetd reads inetd.conf. It leaves s.inetd nil where no line is the service's.
func (s *Service) lookAtInetd(ctx context.Context) error {
	if there, err := isFile(inetdConf); err != nil || !there {
		return err
	}
	content, err := os.ReadFile(inetdConf)
	if err != nil {
		return err
	}
	daemons, err := s.daemons()
	if err != nil {
		return err
	}
	its := inetd{entries: entriesOf(string(content), s.Name, daemons)}
	if len(its.entries) == 0 {
		return nil
	}
	for _, e := range parseInetdConf(string(content)) {
		if !e.off && !slices.Contains(its.entries, e) {
			its.others = append(its.others, e.program)
		}
	}
	report, main, err := runningInetd(ctx)
	defer report.Release()
	if err != nil {
		return err
	}
	if main != nil {
		its.pid = main.Evidence.PID
	}
	s.inetd = &its
	for _, e := range its.entries {
		t, err := its.trigger(e)
		if err != nil {
			return err
		}
		s.Triggers = append(s.Triggers, t)
	}
	return nil
}

func (i *inetd) trigger(e entry) (Trigger, error) {
	t := Trigger{Kind: Inetd, Name: fmt.Sprintf("%s:%d", inetdConf, e.number), Holdable: true}
	switch {
	case e.heldFor != "":
		t.State = heldOff
	case e.off:
		t.State = "off"
	case i.pid == 0:
		t.State = "no inetd"
	default:
		t.State, t.Active = "enabled", true
	}
	a, is, err := e.listens()
	if is {
		t.Listens = []Address{a}
	}
	return t, err
}

// runningInetd finds the inetd that runs, and holds it; main is nil if none does. Its
// pidfile may be lost, if only one process can be meant. What it has started for a client
// runs inetd, too, for a moment.
func runningInetd(ctx context.Context) (r matcher.Report, main *matcher.Process, err error) {
	for until := time.Now().Add(hangUpTime); ; time.Sleep(standingTick) {
		r, main, err = oneLook(ctx)
		if err == nil || ctx.Err() != nil || !time.Now().Before(until) {
			return r, main, err
		}
		r.Release()
	}
}

func oneLook(ctx context.Context) (r matcher.Report, main *matcher.Process, err error) {
	for _, name := range inetds {
		d, err := matcher.FindDaemon(name)
		if errors.Is(err, matcher.ErrDaemon) {
			continue
		}
		if err != nil {
			return r, nil, err
		}
		r, err = matcher.Check(ctx, matcher.Instance{Daemon: d.Path, Pidfile: inetdPidfile, Others: true, Sockets: true, Hold: true})
		if err != nil {
			return r, nil, err
		}
		if r.Verdict == matcher.Running {
			return r, r.Main, nil
		}
		if main, _ := r.Adoptable(); main != nil && r.Pidfile.Adopts(main.Evidence) == nil {
			return r, main, nil
		}
		if r.Verdict == matcher.Unknown || r.Verdict == matcher.Unclaimed {
			return r, nil, fmt.Errorf("whether %s runs cannot be told: %s", d.Path, r.Reason)
		}
		r.Release()
	}
	return matcher.Report{}, nil, nil
}

// change writes inetd.conf anew, if that changes it, and has inetd read it; told: also if
// it does not, because a run that was interrupted may not have done that.
func change(ctx context.Context, told bool, how func(content string) (string, int)) (changed int, err error) {
	if there, err := isFile(inetdConf); err != nil || !there {
		return 0, err
	}
	unlock, err := lock(ctx, ".inetd.conf") // no service begins with a dot
	if err != nil {
		return 0, err
	}
	defer unlock()
	path, err := filepath.EvalSymlinks(inetdConf)
	if err != nil {
		return 0, err
	}
	st, err := os.Lstat(path)
	if err != nil {
		return 0, err
	}
	old, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	content, changed := how(string(old))
	if changed > 0 {
		err = replace(path, content, st)
	}
	if err != nil || changed == 0 && !told {
		return 0, err
	}
	report, main, err := runningInetd(ctx)
	defer report.Release()
	if err != nil || main == nil {
		return changed, err
	}
	if err = main.Signal(syscall.SIGHUP); err == nil { // it reads inetd.conf anew, inetd(8)
		record.Entry{Command: "inetd"}.Signalled(main, syscall.SIGHUP)
	}
	return changed, err
}

// replace writes a file whole or not at all, with the owner and mode that it has.
func replace(path, content string, st os.FileInfo) error {
	owner, known := st.Sys().(*syscall.Stat_t)
	if !known {
		return fmt.Errorf("%s: its owner is not known", path)
	}
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return wholefile.ReplaceIn(dir, filepath.Base(path), []byte(content), st.Mode().Perm(),
		&wholefile.Owner{UID: int(owner.Uid), GID: int(owner.Gid)})
}
