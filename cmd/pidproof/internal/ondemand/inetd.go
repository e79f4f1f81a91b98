package ondemand

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"pidproof/cmd/pidproof/internal/deadline"
	"pidproof/cmd/pidproof/internal/record"
	"pidproof/cmd/pidproof/internal/shellvars"
	"pidproof/cmd/pidproof/internal/wholefile"
	"pidproof/matcher"
)

// superserver starts other programs for clients.
type superserver struct{ name, pidfile string }

// superservers are those of Debian's packages: openbsd-inetd, inetutils-inetd and xinetd.
var superservers = []superserver{
	{"inetd", "/run/inetd.pid"},
	{"inetutils-inetd", "/run/inetd.pid"},
	{"xinetd", "/run/xinetd.pid"},
}

// runningServer is one that runs, held by its report.
type runningServer struct {
	superserver
	report matcher.Report
	main   *matcher.Process
	compat bool // xinetd, with -inetd_compat
}

// reads tells whether it reads an entry.
func (r runningServer) reads(e entry) bool {
	switch r.name {
	case "xinetd":
		return e.xinetd || r.compat && e.file == inetdConf
	case "inetutils-inetd":
		return !e.xinetd
	}
	return e.file == inetdConf
}

// inetd is what superservers have of a service.
type inetd struct {
	running []served
	joined  bool // openbsd-inetd's lines
	entries []entry
	others  []string // programs of other services' entries
}

// served is a superserver that reads one of the entries.
type served struct {
	name string
	pid  int
}

// lookAtInetd reads the files of superservers. It leaves s.inetd nil where no entry is the
// service's.
func (s *Service) lookAtInetd(ctx context.Context) error {
	daemons, err := s.daemons()
	if err != nil {
		return err
	}
	files, err := confFiles()
	if err != nil {
		return err
	}
	if len(inetdOf(files, s.Name, daemons, true).entries)+len(inetdOf(files, s.Name, daemons, false).entries) == 0 {
		return nil
	}
	run, err := runningSuperservers(ctx)
	defer run.release()
	if err != nil {
		return err
	}
	its := inetdOf(files, s.Name, daemons, run.joined())
	if len(its.entries) == 0 {
		return nil
	}
	for _, r := range run {
		if slices.ContainsFunc(its.entries, r.reads) {
			its.running = append(its.running, served{r.name, r.main.Evidence.PID})
		}
	}
	s.inetd = its
	for _, e := range its.entries {
		t, err := triggerOf(e, slices.ContainsFunc(run, func(r runningServer) bool { return r.reads(e) }))
		if err != nil {
			return err
		}
		s.Triggers = append(s.Triggers, t)
	}
	return nil
}

func inetdOf(files []confFile, name string, daemons []string, joined bool) *inetd {
	all := entriesIn(files, joined)
	its := &inetd{joined: joined, entries: entriesOf(all, name, daemons)}
	for _, e := range all {
		if !e.off && !slices.Contains(its.entries, e) {
			its.others = append(its.others, e.program)
		}
	}
	return its
}

func triggerOf(e entry, read bool) (t Trigger, err error) {
	t = Trigger{Kind: e.kind(), Name: fmt.Sprintf("%s:%d", e.file, e.number), Holdable: true}
	switch {
	case e.heldFor != "":
		t.State = heldOff
	case e.off:
		t.State = "off"
	case !read:
		t.State = "no " + string(t.Kind)
	default:
		t.State, t.Active = "enabled", true
	}
	t.Listens, err = e.listens()
	return t, err
}

// runs are the superservers that run.
type runs []runningServer

// joined: inetd.conf is read as openbsd-inetd does, unless it is another's.
func (all runs) joined() bool {
	return !slices.ContainsFunc(all, func(r runningServer) bool { return r.name == "inetutils-inetd" || r.compat })
}

func (all runs) release() {
	for i := range all {
		all[i].report.Release()
	}
}

// runningSuperservers finds those that run, and holds them. A pidfile may be lost, if only
// one process can be meant. What one has started for a client runs it, too, for a moment.
func runningSuperservers(ctx context.Context) (all runs, err error) {
	ctx, cancel := deadline.One(ctx)
	defer cancel()
	for until := time.Now().Add(hangUpTime); ; time.Sleep(standingTick) {
		all, err = oneLook(ctx)
		if err == nil || ctx.Err() != nil || !time.Now().Before(until) {
			return all, err
		}
		all.release()
	}
}

func oneLook(ctx context.Context) (all runs, err error) {
	for _, s := range superservers {
		r, err := s.look(ctx)
		if r.main == nil || err != nil {
			r.report.Release()
		} else {
			all = append(all, r)
		}
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// look leaves main nil where it does not run.
func (s superserver) look(ctx context.Context) (r runningServer, err error) {
	r.superserver = s
	d, err := matcher.FindDaemon(s.name)
	if errors.Is(err, matcher.ErrDaemon) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	r.report, err = matcher.Check(ctx, matcher.Instance{Daemon: d.Path, Pidfile: s.pidfile, Others: true, Sockets: true, Hold: true})
	if err != nil {
		return r, err
	}
	main, _ := r.report.Adoptable()
	switch {
	case r.report.Verdict == matcher.Running:
		r.main = r.report.Main
	case main != nil && r.report.Pidfile.Adopts(main.Evidence) == nil:
		r.main = main
	case r.report.Verdict == matcher.Unknown || r.report.Verdict == matcher.Unclaimed:
		return r, fmt.Errorf("whether %s runs cannot be told: %s", d.Path, r.report.Reason)
	}
	if r.main != nil && s.name == "xinetd" {
		r.compat, err = hasOption(ctx, r.main.Evidence.PID, "-inetd_compat")
	}
	return r, err
}

// hasOption looks at the arguments of a process that is held.
func hasOption(ctx context.Context, pid int, option string) (has bool, err error) {
	err = within(ctx, "its arguments", func() error {
		file, err := os.Open(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil {
			return err
		}
		defer file.Close()
		args, err := io.ReadAll(io.LimitReader(file, shellvars.Limit))
		has = slices.Contains(strings.Split(string(args), "\x00"), option)
		return err
	})
	if err != nil {
		return false, unlessGone(err)
	}
	return has, nil
}

// change writes the files of superservers anew, where that changes them, and has those
// that run read them; told: also if it does not, because a run that was interrupted may
// not have done that. before is called in between.
func change(ctx context.Context, told bool, how func(confFile) (string, int), before func() error) (changed []string, err error) {
	files, err := confFiles()
	if err != nil || len(files) == 0 {
		return nil, err
	}
	unlock, err := lock(ctx, ".inetd.conf") // no service begins with a dot
	if err != nil {
		return nil, err
	}
	defer unlock()
	if files, err = confFiles(); err != nil {
		return nil, err
	}
	for _, f := range files {
		content, n := how(f)
		if n == 0 {
			continue
		}
		if err := replace(f.path, content); err != nil {
			return changed, err
		}
		changed = append(changed, f.path)
	}
	if len(changed) == 0 && !told {
		return nil, nil
	}
	if err := before(); err != nil {
		return changed, err
	}
	return changed, hangUp(ctx)
}

// hangUp has superservers read their files anew: inetd(8), inetutils-inetd(8), xinetd(8).
func hangUp(ctx context.Context) error {
	run, err := runningSuperservers(ctx)
	defer run.release()
	for _, r := range run {
		if err != nil {
			break
		}
		if err = r.main.Signal(syscall.SIGHUP); err == nil {
			record.Entry{Command: "inetd"}.Signalled(r.main, syscall.SIGHUP)
		}
	}
	return err
}

// replace writes a file whole or not at all; all but its content stays. A link stays one.
// The temporary file is not made beside it: inetutils-inetd reads every file of inetdDir.
func replace(path, content string) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	temporary := dir
	if filepath.Dir(path) == inetdDir {
		if temporary, err = os.OpenRoot(filepath.Dir(inetdDir)); err != nil {
			return err
		}
		defer temporary.Close()
	}
	return wholefile.ReplaceLike(dir, filepath.Base(path), []byte(content), temporary)
}
