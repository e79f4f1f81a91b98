// Package systemdinvoke reads the command line of deb-systemd-invoke(1p) as that does, and
// asks policy-rc.d what that would be answered.
package systemdinvoke

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Invocation is a command line that is about units of the system's manager.
type Invocation struct {
	Action string
	Units  []string // patterns, and names without a suffix, too: systemctl(1) takes them

	asked [][2]string // what policy-rc.d is asked: units, and what is to be done
}

// Options are those that a line about the system's manager may have: the default of --user, and one of daemon-reload.
func Options() []string { return []string{"--" + system, "--" + noDBus} }

// ErrNotOurs is for a line of which the real program is left alone: it is about another
// manager (--user), has none or no unit, or words that no unit's name has. The program hands
// each to a shell; here none would get that far.
var ErrNotOurs = errors.New("is the real program's alone")

// Plain reports that no word can be an option: whatever version reads them, the first is the
// action.
func Plain(words []string) bool {
	return !slices.ContainsFunc(words, func(word string) bool { return word == "" || word[0] == '-' || word[0] == '+' })
}

// Parse reads one as the real program does. Any error but ErrNotOurs says why it cannot.
func Parse(words []string, r Reading) (call Invocation, err error) {
	if len(words) < 2 { // the program has its syntax to say
		return call, ErrNotOurs
	}
	users := false
	if r.Getopt {
		words, users = r.arguments(words)
	}
	if len(words) < 2 || slices.ContainsFunc(words, func(word string) bool { return !isWord(word) }) {
		return call, ErrNotOurs
	}
	for _, unit := range words[1:] {
		call.asked = append(call.asked, [2]string{unit, words[0]})
	}
	action := words[0]
	if users && slices.Contains([]string{"start", "restart", "stop"}, action) { // else it forgets that
		return call, ErrNotOurs
	}
	if action == "start" || action == "restart" { // it asks whether each is enabled, or active: no option is
		words = slices.DeleteFunc(slices.Clone(words), isOption)
	}
	if words, err = systemctls(words); err != nil {
		return call, err
	}
	if len(words) < 2 || slices.ContainsFunc(words, isOption) {
		return call, ErrNotOurs
	}
	call.Action = words[0]
	for _, unit := range words[1:] {
		if strings.HasPrefix(unit, "/") { // the path of a mount or a device
			return call, ErrNotOurs
		}
		call.Units = append(call.Units, mangled(unit))
	}
	return call, nil
}

// harmless are options of systemctl(1) with which it does the same, and waits for it.
var harmless = []string{"--system", "-q", "--quiet", "-l", "--full", "--no-pager", "--no-legend", "--no-ask-password", "--no-wall"}

// systemctls are the words less the options that reach systemctl(1), which has them anywhere
// before "--".
func systemctls(words []string) (left []string, err error) {
	for i, word := range words {
		switch {
		case word == "--":
			return append(left, words[i+1:]...), nil
		case slices.Contains(harmless, word):
		case len(word) > len("--u") && strings.HasPrefix("--user", word): // getopt_long(3) abbreviates
			return nil, ErrNotOurs
		case word != "-" && isOption(word):
			return nil, fmt.Errorf("systemctl is given %s", word)
		default:
			left = append(left, word)
		}
	}
	return left, nil
}

func isOption(word string) bool { return strings.HasPrefix(word, "-") }

// inUnits are the characters of units, systemd.unit(5), and of patterns of them.
const inUnits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" + ":_.@\\-" + "*?[]"

// mangled is a unit's name as systemctl reads it (unit_name_mangle of
// src/basic/unit-name.c): "a b" is called a\x20b.
func mangled(word string) string {
	var name strings.Builder
	for _, b := range []byte(word) {
		switch {
		case b == '/':
			name.WriteByte('-')
		case strings.IndexByte(inUnits, b) < 0:
			fmt.Fprintf(&name, `\x%02x`, b)
		default:
			name.WriteByte(b)
		}
	}
	return name.String()
}

// isWord reports that a word may be an action, a unit or an option: a shell makes nothing of
// it but files of a pattern, and words of blanks.
func isWord(word string) bool {
	return word != "" && strings.IndexFunc(word, func(r rune) bool {
		return !strings.ContainsRune(inUnits+"=+,%/ ", r) && r < 0x80
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
