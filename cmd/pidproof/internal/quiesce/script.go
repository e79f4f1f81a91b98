package quiesce

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"pidproof/cmd/pidproof/internal/ask"
	"pidproof/cmd/pidproof/internal/explain"
	"pidproof/cmd/pidproof/internal/ondemand"
	"pidproof/cmd/pidproof/internal/registry"
	"pidproof/matcher"
	"pidproof/matcher/host"
)

// scripted are the instances that a service's init script starts. systemd knows the
// processes of its units; without it, that they have ended is asked as check asks it: a
// script may do nothing, and exit 0.
type scripted struct {
	*ask.Asker
	asked  bool // there is an init script, and nobody else who knows
	known  []matcher.Instance
	before []matcher.Report // of each, held
}

// lookAtScript finds them, and holds what runs of them. Nothing is known where a script
// says what it runs in no way that can be read.
func lookAtScript(a *ask.Asker, service ondemand.Service) (s scripted, err error) {
	s.Asker = a
	if !service.Script || service.Unit != nil && !service.Unit.Absent() {
		return s, nil
	}
	s.asked = true
	registrations, _ := registry.Read(registry.InUse()) // one that cannot be read is list's to complain of
	for _, r := range registrations {
		if r.Name == service.Name || restarts(r, service.Name) {
			s.add(r.Daemon, r.Pidfile)
		}
	}
	script, err := ondemand.ReadInitScript(service.Name)
	if err != nil {
		return s, err
	}
	if script.Pidfile == "" && script.Daemon != "" && !(matcher.Daemon{Path: script.Daemon}).RunsAnything() {
		script.Pidfile = "/var/run/" + filepath.Base(script.Daemon) + ".pid" // LSB's
	}
	if script.Daemon != "" && script.Pidfile != "" {
		s.add(script.Daemon, script.Pidfile)
	}
	for _, in := range s.known {
		in.PidfileOnly, in.Hold = true, true
		report, err := s.ask(in)
		s.before = append(s.before, report)
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

// restarts reports that a registration's command calls the service's init script.
func restarts(r registry.Registration, service string) bool {
	switch filepath.Base(r.Restart[0]) {
	case "invoke-rc.d", "service", "rc-service":
		return slices.Contains(r.Restart[1:], service)
	}
	return r.Restart[0] == "/etc/init.d/"+service
}

func (s *scripted) add(daemon, pidfile string) {
	if !slices.ContainsFunc(s.known, func(in matcher.Instance) bool { return in.Pidfile == pidfile }) {
		s.known = append(s.known, matcher.Instance{Daemon: daemon, Pidfile: pidfile})
	}
}

func (s scripted) ask(in matcher.Instance) (matcher.Report, error) {
	if where, mayHang := host.MayHang(in.Daemon, in.Pidfile); mayHang {
		return in.NoAnswer("waiting for " + where), nil
	}
	return s.Check(in)
}

// ran reports that one of them was running before.
func (s scripted) ran() bool {
	return slices.ContainsFunc(s.before, func(r matcher.Report) bool { return r.Verdict == matcher.Running })
}

func (s scripted) release() {
	for i := range s.before {
		s.before[i].Release()
	}
}

// runsOn is why a service is not known to have ended; nil: it has.
func (s scripted) runsOn(name string) (runs bool, err error) {
	for i, in := range s.known {
		if runs, err = s.oneRunsOn(in, &s.before[i]); err != nil {
			if runs {
				return true, fmt.Errorf("%s runs on, though its init script has said that it is stopped: %w", name, err)
			}
			return false, fmt.Errorf("whether %s is stopped cannot be told: %w", name, err)
		}
	}
	return false, nil
}

// oneRunsOn asks until what is left has ended, or its time is over. Where the main process
// was known, those that it leaves behind by design, as sshd its sessions, count only if
// they keep the port.
func (s scripted) oneRunsOn(in matcher.Instance, before *matcher.Report) (runs bool, err error) {
	known := before.Verdict == matcher.Running
	in.Hold, in.ListeningOnly = true, known
	in.PidfileOnly = !known && (matcher.Daemon{Path: in.Daemon}).RunsAnything()
	until, cancel := context.WithTimeout(context.Background(), lastGasp)
	defer cancel()
	for {
		if known {
			matcher.AwaitEnd(until, before.Mains())
		}
		report, err := s.ask(in)
		if err != nil {
			return false, err
		}
		left := matcher.AwaitEnd(until, report.Living())
		report.Release()
		switch {
		case report.Verdict == matcher.Unknown:
			return false, fmt.Errorf("%s", explain.Summary(report))
		case report.Verdict == matcher.Dead || report.Verdict == matcher.NotRunning:
			if left := matcher.AwaitEnd(until, before.Mains()); known && len(left) > 0 {
				return true, fmt.Errorf("process %d, which %s named", left[0].Evidence.PID, in.Pidfile)
			}
			return false, nil
		case len(left) > 0 || until.Err() != nil:
			return true, fmt.Errorf("%s", explain.Summary(report))
		}
	}
}
