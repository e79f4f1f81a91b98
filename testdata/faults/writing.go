package faults

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// What the commands that write start from, and may leave.

func (s *scene) registration() string { return s.path("instances.d/webd") }

func (s *scene) registrationOf(pidfile string) string {
	return fmt.Sprintf("DAEMON=%s\nPIDFILE=%s\nRESTART='%s'\n", s.daemon, pidfile, s.path("work/restart"))
}

func registered(s *scene) error {
	restart := fmt.Sprintf("#!/bin/sh\nkill -9 %d %d\n%s -daemonize -pidfile %s\n", s.main, s.worker, s.daemon, s.pidfile)
	return errors.Join(
		os.WriteFile(s.registration(), []byte(s.registrationOf(s.pidfile)), 0o644),
		os.WriteFile(s.path("work/restart"), []byte(restart), 0o755),
	)
}

// anotherLost registers a second instance, whose pidfile names nobody: what runs
// unclaimed may as well be that one.
func anotherLost(s *scene) error {
	return os.WriteFile(s.path("instances.d/webd2"), []byte(s.registrationOf("/run/webd2.pid")), 0o644)
}

func anyPidfileGone(s *scene, path string, content *string) bool {
	return content == nil && (path == s.pidfile || path == "/run/other.pid")
}

func adopted(s *scene, path string, content *string) bool {
	return path == s.pidfile && content != nil && *content == fmt.Sprintf("%d\n", s.main) || isTemporary(path)
}

// remembered is which instances run, for the next upgrade.
func remembered(s *scene, path string, content *string) bool {
	if path == s.path("instances.d/.ran") {
		return content != nil && *content == "webd\n"
	}
	return isTemporary(path)
}

// isTemporary: what could not be renamed may not be removable either.
func isTemporary(path string) bool {
	_, name := splitPath(path)
	return strings.HasPrefix(name, ".")
}

func splitPath(path string) (dir, name string) {
	at := strings.LastIndex(path, "/") + 1
	return path[:at], path[at:]
}

func names(s *scene, r run) string {
	if content, err := os.ReadFile(s.pidfile); s.main != 0 && (err != nil || string(content) != fmt.Sprintf("%d\n", s.main)) {
		return fmt.Sprintf("%s is %q, %v", s.pidfile, content, err)
	}
	return ""
}

// wholePage wants metrics to the last line.
func wholePage(s *scene, path string, content *string) bool {
	return isTemporary(path) || path == s.path("work/webd.prom") && content != nil &&
		strings.HasPrefix(*content, "# HELP pidproof_") && strings.Contains(*content, "\npidproof_unusable_registrations ") && strings.HasSuffix(*content, "\n")
}

func wholeRegistration(s *scene, path string, content *string) bool {
	return isTemporary(path) || path == s.registration() && content != nil && strings.HasPrefix(*content, "# Read by pidproof(8)") &&
		strings.HasSuffix(*content, "\n#RESTART='invoke-rc.d webd restart'\n") && strings.Contains(*content, "\nPIDFILE="+s.pidfile+"\n")
}

func isRegistered(s *scene, r run) string {
	if _, err := os.Stat(s.registration()); err != nil {
		return err.Error()
	}
	return ""
}

func unregistered(s *scene, path string, content *string) bool {
	return path == s.registration() && content == nil
}

func isUnregistered(s *scene, r run) string {
	if _, err := os.Stat(s.registration()); err == nil {
		return "the registration is there"
	}
	return ""
}

func restarted(s *scene, path string, content *string) bool {
	if path != s.pidfile || content == nil {
		return isTemporary(path) || path == "/run/pidproof/restart.lock"
	}
	pid, err := strconv.Atoi(strings.TrimSpace(*content))
	return err == nil && startOf(pid) != ""
}

func isRestarted(s *scene, r run) string {
	if !slices.Contains(s.gone(), s.main) {
		return fmt.Sprintf("%d runs on", s.main)
	}
	return ""
}
