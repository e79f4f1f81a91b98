package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// What quiesce and unquiesce start from, and may leave.

// superserver is one that has an entry of a service: what that is, and how it begins and
// ends while it is held off.
type superserver struct{ name, conf, entry, heldBegins, heldEnds string }

func (u superserver) pidfile() string { return "/run/" + u.name + ".pid" }

func (u superserver) pid(s *scene) int {
	pid, _ := strconv.Atoi(strings.TrimSpace(s.files[u.pidfile()]))
	return pid
}

func (u superserver) of(s *scene) []int { return []int{u.pid(s)} }

var (
	inetd = superserver{
		"inetd", "/etc/inetd.conf", "4711 stream tcp nowait root %s webd\n", "# Held off by pidproof for webd, ",
		"\n#<off># 4711 stream tcp nowait root %s webd\n",
	}
	xinetd = superserver{
		"xinetd", "/etc/xinetd.conf", "service http\n{\n\tport = 4711\n\tsocket_type = stream\n\tserver = %s\n}\n",
		"service http\n{\n# Held off by pidproof for webd, ", "\n\tdisable = yes\n\tport = 4711\n\tsocket_type = stream\n\tserver = %s\n}\n",
	}
)

// starts arranges a service that has an init script, and an entry of a superserver.
func (u superserver) starts(s *scene) error {
	script := fmt.Sprintf("#!/bin/sh\nDAEMON=%s\n", s.daemon)
	program := s.path("bin/" + u.name)
	err := errors.Join(
		os.MkdirAll("/etc/init.d", 0o755),
		os.WriteFile("/etc/init.d/webd", []byte(script), 0o755),
		os.WriteFile(u.conf, fmt.Appendf(nil, u.entry, s.daemon), 0o644),
		os.WriteFile(s.path("work/stop"), fmt.Appendf(nil, "#!/bin/sh\nkill -9 %d %d\nrm -f %s\n", s.main, s.worker, s.pidfile), 0o755),
	)
	if err != nil {
		return err
	}
	if _, err := os.Stat(program); err != nil { // one that runs could not be written
		if err := s.writeProgram(program); err != nil {
			return err
		}
	}
	pid, err := s.spawn(program, "-pidfile", u.pidfile(), "-record", s.path("work/heard"))
	if err != nil {
		return err
	}
	if err := s.named(u.pidfile(), pid); err != nil {
		return err
	}
	s.processes[pid] = startOf(pid)
	return nil
}

// heldOff is how quiesce has left that.
func (u superserver) heldOff(s *scene) error {
	if err := u.starts(s); err != nil {
		return err
	}
	exit, _, err := s.execute([]string{s.path("bin/pidproof"), "quiesce", "webd"}, nil, s.path("spawned"), s.path("spawned"), runTime)
	if err == nil && exit != 0 {
		said, _ := os.ReadFile(s.path("spawned"))
		err = fmt.Errorf("quiesce: exit %d: %s", exit, said)
	}
	for pid, start := range s.processes {
		if startOf(pid) != start {
			delete(s.processes, pid)
		}
	}
	return err
}

// became: the entry is on or off, and recorded where it is off; the service may have been
// stopped; the record is whole.
func (u superserver) became(s *scene, path string, content *string) bool {
	switch {
	case isTemporary(path), path == s.path("work/heard"):
		return true
	case path == u.conf && content != nil:
		return *content == fmt.Sprintf(u.entry, s.daemon) ||
			strings.HasPrefix(*content, u.heldBegins) && strings.HasSuffix(*content, fmt.Sprintf(u.heldEnds, s.daemon))
	case path == s.pidfile:
		return content == nil
	case strings.HasPrefix(path, "/run/pidproof/quiesced/"):
		return content != nil && json.Valid([]byte(*content))
	}
	return false
}

func (u superserver) isHeldOff(s *scene, r run) string {
	content, err := os.ReadFile(u.conf)
	switch {
	case err != nil || !strings.HasPrefix(string(content), u.heldBegins):
		return fmt.Sprintf("%s is %q, %v", u.conf, content, err)
	case !slices.Contains(s.gone(), s.main):
		return fmt.Sprintf("%d runs on", s.main)
	}
	return ""
}

func (u superserver) restored(s *scene, path string, content *string) bool {
	return u.became(s, path, content) && path != s.pidfile || content == nil && strings.HasPrefix(path, "/run/pidproof/quiesced/")
}

func (u superserver) isRestored(s *scene, r run) string {
	content, err := os.ReadFile(u.conf)
	if string(content) != fmt.Sprintf(u.entry, s.daemon) {
		return fmt.Sprintf("%s is %q, %v", u.conf, content, err)
	}
	return ""
}

// systemdStarts arranges a service that systemd's socket starts: the systemctl of
// these hosts answers as systemd's, about that service and socket, and keeps their
// state in files.
func systemdStarts(s *scene) error {
	err := errors.Join(os.MkdirAll("/run/systemd/system", 0o755),
		os.WriteFile(s.path("work/webd.socket"), []byte("active\n"), 0o644),
		os.WriteFile(s.path("work/webd.service"), []byte("active\n"), 0o644),
		os.WriteFile(s.path("work/stop"), fmt.Appendf(nil, "#!/bin/sh\nkill -9 %d %d\nrm -f %s\necho inactive >%s\n", s.main, s.worker, s.pidfile, s.path("work/webd.service")), 0o755))
	return err
}

func systemdHeldOff(s *scene, path string, content *string) bool {
	return inetd.became(s, path, content) || content != nil && strings.HasPrefix(path, s.path("work/webd.")) && strings.HasSuffix(*content, "active\n")
}

// upheld arranges what only a hold at the unit itself holds off.
func upheld(s *scene) error {
	return errors.Join(systemdStarts(s), os.WriteFile(s.path("work/webd.target"), []byte("active\n"), 0o644), os.WriteFile(s.path("work/read"), nil, 0o644))
}

const (
	unitDropIn = "/run/systemd/system/webd.service.d/zz-pidproof-webd.conf"
	unitMark   = "/run/pidproof/held/webd"
)

// unitHeldOff: a drop-in is whole, and systemd has read it before it is in force.
func unitHeldOff(s *scene, path string, content *string) bool {
	switch path {
	case unitDropIn:
		return content != nil && strings.HasPrefix(*content, "# Written by pidproof") && strings.HasSuffix(*content, "\nAssertPathExists=!"+unitMark+"\n")
	case unitMark:
		read, err := os.ReadFile(s.path("work/read"))
		return content != nil && err == nil && string(read) == unitDropIn+"\n"
	case s.path("work/read"):
		return true
	}
	return systemdHeldOff(s, path, content)
}

func isUnitHeld(s *scene, r run) string {
	for _, path := range []string{unitDropIn, unitMark, "/run/pidproof/quiesced/webd"} {
		if _, err := os.Stat(path); err != nil {
			return err.Error()
		}
	}
	return ""
}
