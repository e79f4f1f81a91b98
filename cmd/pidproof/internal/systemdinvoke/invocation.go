// Package systemdinvoke reads the command line of deb-systemd-invoke(1p) as that does, and
// asks policy-rc.d what that would be answered.
package systemdinvoke

import (
	"path/filepath"
	"slices"
	"strings"
)

// Invocation is a command line that is about units of the system's manager.
type Invocation struct {
	Action string
	Units  []string // as they were given: systemctl(1) takes patterns, and names without a suffix
}

// Options are those that a line about the system's manager may have: the default of --user, and one of daemon-reload.
func Options() []string { return []string{"--system", "--no-dbus"} }

// Parse reads one. ok is false where the real program is alone with it: options that are
// another manager's (--user) or nobody's, none or no unit, and words that no unit's name
// has. The program hands each to a shell; here none would get that far.
//
// Getopt::Long has options anywhere before "--" (init-system-helpers 1.61 and later);
// before, there was none, and a word was what its place made of it.
func Parse(words []string) (call Invocation, ok bool) {
	ended := false
	for _, word := range words {
		switch {
		case word == "--" && call.Action != "" && !ended:
			ended = true
		case !ended && slices.Contains(Options(), word):
		case !isWord(word):
			return call, false
		case call.Action == "":
			call.Action = word
		default:
			call.Units = append(call.Units, word)
		}
	}
	return call, len(call.Units) > 0
}

// isWord reports that a word may be an action, a unit or a pattern of units, systemd.unit(5).
func isWord(word string) bool {
	const others = ":_.@\\-" + "*?[]"
	return word != "" && word[0] != '-' && strings.IndexFunc(word, func(r rune) bool {
		return !strings.ContainsRune(others, r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) < 0
}

// Starts reports that the action starts a service, or would if it ran: systemctl(1).
func (call Invocation) Starts() bool {
	return slices.Contains([]string{"start", "restart", "try-restart", "condrestart", "reload-or-restart", "try-reload-or-restart"}, call.Action)
}

// Services are those named, as units, or as patterns of them.
func (call Invocation) Services() (units []string) {
	for _, unit := range call.Units {
		switch suffix := filepath.Ext(unit); {
		case suffix == ".service":
			units = append(units, unit)
		case !slices.Contains(otherTypes, suffix): // systemctl(1) appends the suffix
			units = append(units, unit+".service")
		}
	}
	return units
}

// Triggers are the sockets, paths and timers named.
func (call Invocation) Triggers() (units []string) {
	for _, unit := range call.Units {
		if slices.Contains(otherTypes[:3], filepath.Ext(unit)) {
			units = append(units, unit)
		}
	}
	return units
}

// otherTypes are the suffixes of units that are no services, systemd.unit(5); first those
// of triggers.
var otherTypes = []string{
	".socket", ".path", ".timer", ".target", ".mount", ".automount", ".swap", ".device", ".slice", ".scope",
}
