package instances

import (
	"errors"
	"fmt"

	"pidproof/cmd/pidproof/internal/ask"
	"pidproof/cmd/pidproof/internal/explain"
	"pidproof/cmd/pidproof/internal/registry"
	"pidproof/matcher"
	"pidproof/matcher/host"
)

// Instance is a registered one, and what its pidfile says now. Its main process is held.
type Instance struct {
	registry.Registration
	Report matcher.Report
}

// Main is the process that the pidfile names; of several, one that runs an old file first.
func (i Instance) Main() *matcher.Process {
	for _, p := range i.Report.Mains() {
		if isOld(p) {
			return p
		}
	}
	return i.Report.Main
}

func isOld(p *matcher.Process) bool { return p.Decision.File.Outdated() }

// Runs says which file it runs, as the rule that found it does.
func (i Instance) Runs() string {
	if i.Report.Daemon.Script != nil {
		return fmt.Sprintf("PID %d runs %s under the interpreter of before that was %s", i.Main().Evidence.PID, i.Daemon, i.Main().Decision.File)
	}
	return fmt.Sprintf("PID %d runs the %s of before it was %s", i.Main().Evidence.PID, i.Daemon, i.Main().Decision.File)
}

// LookAt asks what an instance runs. An error means that it cannot be told.
func LookAt(a *ask.Asker, r registry.Registration) (Instance, error) {
	i := Instance{Registration: r}
	if where, mayHang := host.MayHang(r.Daemon, r.Pidfile); mayHang {
		return i, fmt.Errorf("it lies on %s, which may not answer; restart it by hand", where)
	}
	var err error
	i.Report, err = a.Check(matcher.Instance{Daemon: r.Daemon, Pidfile: r.Pidfile, PidfileOnly: true, Hold: true})
	switch file := i.Report.Daemon.File; {
	case err != nil:
	case i.Report.Verdict == matcher.Unknown:
		err = errors.New(i.Report.Reason)
	case i.Report.Verdict == matcher.Running && file.Unreadable():
		err = fmt.Errorf("whether it runs what %s holds now: %w", r.Daemon, file.Err)
	}
	return i, err
}

// Outdated reports that it runs another file than the daemon's path holds now.
func (i Instance) Outdated() bool {
	return i.Report.Verdict == matcher.Running && isOld(i.Main())
}

// Current reports that it runs the file that the daemon's path holds now; of a script, that
// nothing is known against its interpreter.
func (i Instance) Current() bool {
	return i.Report.Verdict == matcher.Running && !i.Outdated() &&
		(i.Main().Decision.File.Current() || i.Report.Daemon.Script != nil)
}

// Beside reports that an instance runs, but the main process of before does, too.
func (i Instance) Beside(before *matcher.Process) bool {
	return i.Main().Evidence.PID != before.Evidence.PID && !before.Ended()
}

// Standing is how an instance stands, in words.
func (i Instance) Standing(before *matcher.Process, err error) string {
	switch {
	case err != nil:
		return "cannot tell: " + err.Error()
	case i.Current() && i.Beside(before):
		return fmt.Sprintf("it runs the current %s now, as PID %d, but %d of before runs on, and no pidfile names it", i.Daemon, i.Main().Evidence.PID, before.Evidence.PID)
	case i.Current():
		return fmt.Sprintf("it runs the current %s now, as PID %d", i.Daemon, i.Main().Evidence.PID)
	case i.Outdated():
		return "it still runs the old binary: " + i.Runs()
	}
	return explain.Summary(i.Report)
}
