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

const inetdLine = "4711 stream tcp nowait root %s webd\n"

func inetdPID(s *scene) int {
	pid, _ := strconv.Atoi(strings.TrimSpace(s.files["/run/inetd.pid"]))
	return pid
}

func inetdOf(s *scene) []int { return []int{inetdPID(s)} }

// inetdStarts arranges a service that has an init script, and a line of inetd.conf.
func inetdStarts(s *scene) error {
	script := fmt.Sprintf("#!/bin/sh\nDAEMON=%s\n", s.daemon)
	inetd := s.path("bin/inetd")
	err := errors.Join(
		os.MkdirAll("/etc/init.d", 0o755),
		os.WriteFile("/etc/init.d/webd", []byte(script), 0o755),
		os.WriteFile("/etc/inetd.conf", fmt.Appendf(nil, inetdLine, s.daemon), 0o644),
		os.WriteFile(s.path("work/stop"), fmt.Appendf(nil, "#!/bin/sh\nkill -9 %d %d\nrm -f %s\n", s.main, s.worker, s.pidfile), 0o755),
	)
	if err != nil {
		return err
	}
	if _, err := os.Stat(inetd); err != nil { // one that runs could not be written
		if err := s.writeProgram(inetd); err != nil {
			return err
		}
	}
	pid, err := s.spawn(inetd, "-pidfile", "/run/inetd.pid", "-record", s.path("work/heard"))
	if err != nil {
		return err
	}
	if err := s.named("/run/inetd.pid", pid); err != nil {
		return err
	}
	s.processes[pid] = startOf(pid)
	return nil
}

// inetdHeldOff is how quiesce has left that.
func inetdHeldOff(s *scene) error {
	if err := inetdStarts(s); err != nil {
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

// heldOff: the line of inetd.conf is on or off, and recorded where it is off; the
// service may have been stopped; the record is whole.
func heldOff(s *scene, path string, content *string) bool {
	switch {
	case isTemporary(path), path == s.path("work/heard"):
		return true
	case path == "/etc/inetd.conf" && content != nil:
		line := fmt.Sprintf(inetdLine, s.daemon)
		return *content == line || strings.HasPrefix(*content, "# Held off by pidproof for webd") && strings.HasSuffix(*content, "\n#<off># "+line)
	case path == s.pidfile:
		return content == nil
	case strings.HasPrefix(path, "/run/pidproof/quiesced/"):
		return content != nil && json.Valid([]byte(*content))
	}
	return false
}

func isHeldOff(s *scene, r run) string {
	content, err := os.ReadFile("/etc/inetd.conf")
	switch {
	case err != nil || !strings.Contains(string(content), "#<off># "):
		return fmt.Sprintf("inetd.conf is %q, %v", content, err)
	case !slices.Contains(s.gone(), s.main):
		return fmt.Sprintf("%d runs on", s.main)
	}
	return ""
}

func restored(s *scene, path string, content *string) bool {
	return heldOff(s, path, content) && path != s.pidfile || content == nil && strings.HasPrefix(path, "/run/pidproof/quiesced/")
}

func isRestored(s *scene, r run) string {
	content, err := os.ReadFile("/etc/inetd.conf")
	if string(content) != fmt.Sprintf(inetdLine, s.daemon) {
		return fmt.Sprintf("inetd.conf is %q, %v", content, err)
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
	return heldOff(s, path, content) || content != nil && strings.HasPrefix(path, s.path("work/webd.")) && strings.HasSuffix(*content, "active\n")
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
