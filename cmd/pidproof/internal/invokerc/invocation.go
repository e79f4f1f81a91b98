// Package invokerc reads the command line of invoke-rc.d(8) as that does, and asks an
// invoke-rc.d what it would do: policy-rc.d may forbid it.
package invokerc

import (
	"slices"
	"strings"
)

const (
	allowOnDemand = "--allow-on-demand"
	skipNative    = "--skip-systemd-native"
)

// others are the options that mean nothing to us.
var others = []string{"--quiet", "--force", "--try-anyway", "--disclose-deny", "--no-fallback"}

// Options are all that a line may have, ours with them.
func Options() []string {
	return append([]string{allowOnDemand, "--query", skipNative}, others...)
}

// Invocation is a command line of invoke-rc.d, as far as that reads it itself: what
// follows the action is the init script's.
type Invocation struct {
	Name, Action  string
	Query         bool
	SkipNative    bool
	AllowOnDemand bool
	Before        bool     // it stands where only options do
	Words         []string // for the real program
}

// Parse reads one as invoke-rc.d does. ok is false where that complains, or
// only helps.
func Parse(words []string) (call Invocation, ok bool) {
	for _, word := range words {
		switch {
		case word == allowOnDemand:
			call.AllowOnDemand = true
			call.Before = call.Before || call.Action == ""
			continue
		case call.Action != "":
		case word == "--query":
			call.Query = true
		case word == skipNative:
			call.SkipNative = true
		case slices.Contains(others, word):
		case word == "" || strings.HasPrefix(word, "--") || strings.ContainsAny(word, " \t\n"):
			return call, false
		case call.Name == "":
			call.Name = word
		default:
			call.Action = word
		}
		call.Words = append(call.Words, word)
	}
	return call, call.Action != ""
}
