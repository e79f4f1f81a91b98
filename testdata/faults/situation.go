package faults

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// scene is a situation that was arranged.
type scene struct {
	*host
	daemon, pidfile string
	// PIDs, 0 where there is none: of the instance that is asked about, of another one,
	// and of whom its pidfile names wrongly.
	main, worker, other, otherWorker, stranger int
	further                                    []int // of the instance as well: another main process, or the wrapper

	processes map[int]string    // all of them, with their start times
	files     map[string]string // what lies where
}

// situation arranges a scene. check is what `pidproof check` is to say of it: the other
// answers are held to those that are given without a fault.
type situation struct {
	name    string
	check   int
	arrange func(*scene) error
}

// Of `pidproof check`.
const (
	running    = 0
	dead       = 1
	notRunning = 3
	unknown    = 4
	unclaimed  = 150
)

var situations = []situation{
	{"running", running, func(s *scene) error {
		return s.steps(s.startOther, s.startMain)
	}},
	{"nothing runs", notRunning, func(s *scene) error { return nil }},
	{"only another instance runs", notRunning, func(s *scene) error { return s.startOther() }},
	{"stale", dead, func(s *scene) error {
		return s.steps(s.startOther, func() error { return s.writePidfile(4194000) })
	}},
	{"recycled by a stranger", dead, func(s *scene) (err error) {
		if s.stranger, err = s.spawn("/bin/sleep", "100000"); err != nil {
			return err
		}
		return s.steps(s.startOther, func() error { return s.writePidfile(s.stranger) })
	}},
	// The worker was started long after this pidfile was written.
	{"recycled by another's worker", dead, func(s *scene) error {
		return s.steps(s.startOther, func() error { return s.writePidfile(s.otherWorker) }, s.agePidfile)
	}},
	// This one when it started: it may be a pidfile of its own.
	{"names another's worker", unknown, func(s *scene) error {
		return s.steps(s.startOther, func() error { return s.writePidfile(s.otherWorker) })
	}},
	{"recycled by another instance", dead, func(s *scene) error {
		return s.steps(s.startOther, func() error { return s.writePidfile(s.other) }, s.agePidfile)
	}},
	{"started through a removed link", unclaimed, func(s *scene) (err error) {
		link := s.path("sbin/link")
		if err := os.Link(s.daemon, link); err != nil {
			return err
		}
		if s.main, err = s.spawn(link); err != nil {
			return err
		}
		return os.Remove(link)
	}},
	{"unclaimed", unclaimed, func(s *scene) (err error) {
		return s.steps(s.startOther, s.startMain, func() error { return os.Remove(s.pidfile) })
	}},
	{"unclaimed beside a stale pidfile", unclaimed, func(s *scene) (err error) {
		return s.steps(s.startMain, func() error { return s.writePidfile(4194000) })
	}},
	{"replaced", running, func(s *scene) error {
		return s.steps(s.startMain, s.replaceDaemon, s.startOther)
	}},
	{"replaced, unclaimed", unclaimed, func(s *scene) error {
		return s.steps(s.startMain, s.replaceDaemon, s.startOther, func() error { return os.Remove(s.pidfile) })
	}},
	{"removed", running, func(s *scene) error {
		return s.steps(s.startMain, func() error { return os.Remove(s.daemon) })
	}},
	{"moved", running, func(s *scene) error {
		return s.steps(s.startMain, func() error { return os.Rename(s.daemon, s.daemon+".moved") },
			func() error { return s.writeProgram(s.daemon) })
	}},
	{"a user's", running, func(s *scene) (err error) {
		s.pidfile = "/run/webd/webd.pid"
		if err := os.MkdirAll("/run/webd", 0o755); err != nil {
			return err
		}
		if err := os.Chown("/run/webd", 1234, 1234); err != nil {
			return err
		}
		if s.main, err = s.spawn(s.daemon, "-pidfile", s.pidfile, "-uid", "1234"); err != nil {
			return err
		}
		return s.steps(func() error { return s.named(s.pidfile, s.main) }, func() error { return os.Chown(s.pidfile, 1234, 1234) }, s.startOther)
	}},
	{"script", running, func(s *scene) (err error) {
		fifo := s.path("work/fifo")
		if err := syscall.Mkfifo(fifo, 0o600); err != nil {
			return err
		}
		s.daemon = s.path("sbin/scriptd")
		if err := os.WriteFile(s.daemon, []byte("#!/bin/sh\nexec 3<>"+fifo+"\nread line <&3\n"), 0o755); err != nil {
			return err
		}
		if s.main, err = s.spawn(s.daemon); err != nil {
			return err
		}
		return s.steps(s.startOther, func() error { return s.writePidfile(s.main) })
	}},
	{"wrapper", running, func(s *scene) (err error) {
		wrapper, err := s.spawn("/bin/sh", "-c", "echo $$ >"+s.pidfile+"; "+s.daemon+" & wait")
		if err != nil {
			return err
		}
		s.further = []int{wrapper}
		return s.steps(s.startOther, func() error {
			return until("what the wrapper starts", func() bool { s.main = childOf(wrapper); return s.main != 0 && isWorker(s.main) })
		})
	}},
	{"several numbers", running, func(s *scene) (err error) {
		second := 0
		if s.main, err = s.spawn(s.daemon); err == nil {
			second, err = s.spawn(s.daemon)
		}
		if err != nil {
			return err
		}
		s.further = []int{second}
		return s.steps(s.startOther, func() error { return os.WriteFile(s.pidfile, fmt.Appendln(nil, s.main, second), 0o644) })
	}},
	{"a script that became another program", running, func(s *scene) (err error) {
		s.daemon = s.path("sbin/scriptd")
		if err := os.WriteFile(s.daemon, []byte("#!/bin/sh\nexec /bin/sleep 100000 # $0\n"), 0o755); err != nil {
			return err
		}
		if s.main, err = s.start([]string{s.daemon}, nil, os.DevNull, s.path("spawned")); err != nil {
			return err
		}
		return s.steps(func() error { return s.writePidfile(s.main) }, s.startOther, func() error {
			return until("it sleeps", func() bool {
				cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", s.main))
				return err == nil && string(cmdline) == "/bin/sleep\x00100000\x00" && sleeps(s.main)
			})
		})
	}},
	{"a label", running, func(s *scene) (err error) {
		s.daemon = "some-label"
		if s.main, err = s.spawn("/bin/sleep", "100000"); err != nil {
			return err
		}
		return s.steps(func() error { return s.writePidfile(s.main) }, s.startOther)
	}},
	{"bind-mounted", running, func(s *scene) error {
		source := s.path("work/webd")
		return s.steps(func() error { return s.writeProgram(source) },
			func() error { return syscall.Mount(source, s.daemon, "", syscall.MS_BIND, "") }, s.startMain, s.startOther)
	}},
}

func situationOf(name string) situation {
	for _, s := range situations {
		if s.name == name {
			return s
		}
	}
	panic("there is no situation " + name)
}

// arrange clears away what was there, and makes the situation anew.
func (h *host) arrange(of situation) (*scene, error) {
	if err := h.clear(); err != nil {
		return nil, fmt.Errorf("clearing away: %w", err)
	}
	s := &scene{host: h, daemon: h.path("sbin/webd"), pidfile: "/run/webd.pid", processes: map[int]string{}}
	if err := s.writeProgram(s.daemon); err != nil {
		return nil, err
	}
	if err := of.arrange(s); err != nil {
		return nil, fmt.Errorf("arranging: %w", err)
	}
	for _, pid := range append([]int{s.main, s.worker, s.other, s.otherWorker, s.stranger}, s.further...) {
		if pid != 0 {
			s.processes[pid] = startOf(pid)
		}
	}
	// A pidfile must not be so young that it may still be being written.
	s.files = s.present()
	return s, nil
}

func (s *scene) steps(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (s *scene) startMain() (err error) {
	s.main, s.worker, err = s.startInstance(s.pidfile)
	return err
}

func (s *scene) startOther() (err error) {
	daemon := s.path("sbin/webd")
	s.other, s.otherWorker, err = s.startInstanceOf(daemon, "/run/other.pid")
	return err
}

func (s *scene) startInstance(pidfile string) (main, worker int, err error) {
	return s.startInstanceOf(s.daemon, pidfile)
}

// startInstanceOf starts a daemon with one worker.
func (s *scene) startInstanceOf(daemon, pidfile string) (main, worker int, err error) {
	if main, err = s.spawn(daemon, "-pidfile", pidfile, "-workers", "1"); err != nil {
		return 0, 0, err
	}
	if err := s.named(pidfile, main); err != nil {
		return 0, 0, err
	}
	return main, childOf(main), until("a worker", func() bool { worker = childOf(main); return worker != 0 && isWorker(worker) })
}

// replaceDaemon does what dpkg does.
func (s *scene) replaceDaemon() error {
	if err := s.writeProgram(s.daemon + ".dpkg-new"); err != nil {
		return err
	}
	return os.Rename(s.daemon+".dpkg-new", s.daemon)
}

func (s *scene) writePidfile(pid int) error {
	return os.WriteFile(s.pidfile, []byte(strconv.Itoa(pid)+"\n"), 0o644)
}

func (s *scene) agePidfile() error {
	old := time.Now().Add(-time.Hour)
	return os.Chtimes(s.pidfile, old, old)
}
