package ssd

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// ErrForStarted is wrapped by the error of a value that is for the started program
// alone. With --start, the real program may say it itself.
var ErrForStarted = errors.New("dpkg refuses it, too, whatever the command")

// badStarted is a value of an option of --start's that dpkg refuses with every command.
func badStarted(option, value, write string) error {
	return fmt.Errorf("--%s %q: %s; %w", option, value, write, ErrForStarted)
}

// checkStarted judges the values that the started program gets as parse_options of
// dpkg's start-stop-daemon.c does: a line whose words are not what they seem, as where
// -P took -p for its value, means other processes than it says.
func (v values) checkStarted() error {
	for _, option := range []struct {
		name, write string
		right       func(string) bool
	}{
		{"procsched", "write other, or fifo or rr with a priority, as fifo:1", isProcsched},
		{"iosched", "write idle, or real-time or best-effort, with a priority from 0 to 7, as best-effort:4", isIOsched},
		{"umask", "write a number, as 022", func(s string) bool { return isNumber(s, 0) }},
		{"output", "write a path with a slash at its beginning", filepath.IsAbs},
		{"notify-timeout", "write seconds", func(s string) bool { return isNumber(s, 10) }},
		{"group", "write a group: is a variable empty?", func(s string) bool { return s != "" }},
		{"chuid", "write a user before the colon: is a variable empty?", func(s string) bool { return s != "" }},
	} {
		if value, given := v[option.name]; given && !option.right(value) {
			return badStarted(option.name, value, option.write)
		}
	}
	return nil
}

func isNumber(s string, base int) bool {
	_, err := parseUnsigned(s, base)
	return err == nil
}

// withPriority reads policy:priority; the priority may be missing.
func withPriority(s string, otherwise int) (policy string, priority int, ok bool) {
	policy, number, joined := strings.Cut(s, ":")
	if !joined {
		return policy, otherwise, true
	}
	priority, err := parseUnsigned(number, 10)
	return policy, priority, err == nil
}

// isProcsched: the priorities are those of sched_get_priority_min(2) and _max.
func isProcsched(s string) bool {
	policy, priority, ok := withPriority(s, 0)
	realTime := policy == "fifo" || policy == "rr"
	return ok && (policy == "other" || realTime && priority >= 1 && priority <= 99)
}

func isIOsched(s string) bool {
	class, priority, ok := withPriority(s, 4)
	return ok && (class == "idle" || (class == "real-time" || class == "best-effort") && priority <= 7)
}

// LookUpStarted sees that the user and the group of the started program exist: dpkg
// asks with every command.
func LookUpStarted(o Options) error {
	if o.Group != "" && !isNumber(o.Group, 10) {
		if _, err := lookUp(groups, o.Group); err != nil {
			return fmt.Errorf("--group: %w; %w", err, ErrForStarted)
		}
	}
	if o.Chuid == "" {
		return nil
	}
	var err error
	if n, notNumber := parseUnsigned(o.Chuid, 10); notNumber == nil {
		err = lookUpNumber(n)
	} else {
		_, err = lookUp(users, o.Chuid)
	}
	if err != nil {
		return fmt.Errorf("--chuid: %w; %w", err, ErrForStarted)
	}
	return nil
}
