package ondemand

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/matcher"
	"pidproof/matcher/host"
)

// sessionsEnd is how long what inetd has started may take to end after SIGTERM.
const sessionsEnd = 5 * time.Second

// sessions holds what inetd has started for the service, but for what we run under.
func (s *Service) sessions() (held *Processes, spared []string, err error) {
	held = new(Processes)
	if s.inetd == nil || len(s.inetd.running) == 0 {
		return held, nil, nil
	}
	ours, err := host.Ancestors(os.Getppid())
	if err != nil {
		return held, nil, fmt.Errorf("what this command runs under cannot be told: %w", err)
	}
	for _, of := range s.inetd.running {
		at, err := s.inetd.hold(held, of.pid, ours)
		spared = append(spared, at...)
		if err != nil {
			return held, spared, err
		}
	}
	return held, spared, nil
}

// hold adds what one superserver has started for the service.
func (i *inetd) hold(held *Processes, superserver int, ours []int) (spared []string, err error) {
	children, err := host.Children(superserver)
	if err != nil {
		return nil, err
	}
	for _, pid := range children {
		at := held.hold(pid)
		its, err := isChild(pid, superserver) // looked at once it is held: the number is its own now
		if err != nil {
			return spared, err
		}
		if its {
			if its, err = i.started(pid); err != nil {
				return spared, err
			}
		}
		switch {
		case !its:
			held.drop(at)
		case slices.Contains(ours, pid):
			held.drop(at)
			spared = append(spared, "process "+strconv.Itoa(pid))
		}
	}
	return spared, nil
}

// newSession is one that inetd has started since those before were ended.
func (s *Service) newSession() (Return, error) {
	held, _, err := s.sessions()
	defer held.Release()
	if err != nil {
		return Return{}, err
	}
	for _, pid := range held.pids {
		started, err := host.StartedAt(pid)
		if err = unlessGone(err); err != nil {
			return Return{}, err
		}
		if !started.IsZero() { // else it has ended
			return Return{true, pid, started}, nil
		}
	}
	return Return{}, nil
}

func isChild(pid, parent int) (bool, error) {
	ancestors, err := host.Ancestors(pid)
	return len(ancestors) > 1 && ancestors[1] == parent, err
}

// started tells whether inetd has started one of its children for the service: by the
// port of the client's connection, whatever it runs by now. What has none, for a "wait"
// line, is told by its program, if that is no other line's.
func (i *inetd) started(pid int) (bool, error) {
	local, connected, err := host.ServesAt(pid)
	if err != nil {
		return false, err
	}
	exe, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
	if err := unlessGone(err); err != nil && !connected {
		return false, err
	}
	for _, e := range i.entries {
		on, err := e.listens()
		switch {
		case err != nil:
			return false, err
		case connected && slices.ContainsFunc(on, func(a Address) bool { return a.Kind == "tcp" && a.Port == local.Port() }):
			return true, nil
		case !connected && exe != "" && e.program == exe && !(matcher.Daemon{Path: exe}).RunsAnything() && !slices.Contains(i.others, exe):
			return true, nil
		}
	}
	return false, nil
}

// endSessions ends what inetd has started for the service. What we run under, as a
// login, is spared.
func (s *Service) endSessions() (spared []string, err error) {
	held, spared, err := s.sessions()
	defer held.Release()
	if err != nil {
		return spared, err
	}
	if err := s.terminate(held); err != nil {
		return spared, err
	}
	if left := held.Await(time.Now().Add(sessionsEnd)); len(left) > 0 {
		return spared, fmt.Errorf("process %d, which inetd has started for %s, does not end: look at it (ps -fp %[1]d)", left[0], s.Name)
	}
	return spared, nil
}

// terminate sends them SIGTERM.
func (s *Service) terminate(held *Processes) error {
	for i, fd := range held.fds {
		if fd == gone {
			continue
		}
		if fd < 0 {
			return fmt.Errorf("process %d, which inetd has started for %s, cannot be held: end it by hand", held.pids[i], s.Name)
		}
		if err := unix.PidfdSendSignal(fd, unix.SIGTERM, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("process %d: %w", held.pids[i], err)
		}
	}
	return nil
}
