package systemdinvoke

import (
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"pidproof/cmd/pidproof/internal/lazyregexp"
)

// Reading is how the real program of this host reads its words. Three were compared, those
// of init-system-helpers 1.60, 1.65 and 1.69: Debian 11, 12 and 13.
type Reading struct {
	Getopt  bool     // by Perl's Getopt::Long; else the first word is the action, whatever it is
	Options []string // that it tells Getopt::Long of
}

// errUnknown is for a program that is none of these.
var errUnknown = errors.New("how it reads options is not known")

const (
	theOptions = lazyregexp.Expression(`(?s)\bGetOptions\((.*?)\);`)
	anOption   = lazyregexp.Expression(`^\s*"([a-z-]+)"\s*=>\s*sub\s*\{[^}]*\}\s*,?\s*(?:#[^\n]*)?`)
	noOptions  = lazyregexp.Expression(`(?m)^my \$action = shift @units;$`)
)

// ReadingOf looks into the real program.
func ReadingOf(path string) (Reading, error) {
	file, err := os.Open(path)
	if err != nil {
		return Reading{}, err
	}
	defer file.Close()
	program, err := io.ReadAll(io.LimitReader(file, 1<<20))
	if err != nil {
		return Reading{}, err
	}
	if _, posix := os.LookupEnv("POSIXLY_CORRECT"); posix { // other rules, for systemctl, too
		return Reading{}, errors.New("POSIXLY_CORRECT is set")
	}
	return readingOf(string(program))
}

func readingOf(program string) (r Reading, err error) {
	given := theOptions.Compiled().FindStringSubmatch(program)
	if given == nil {
		if !noOptions.Compiled().MatchString(program) {
			err = errUnknown
		}
		return r, err
	}
	r.Getopt = true
	rest := given[1]
	for strings.TrimSpace(rest) != "" {
		option := anOption.Compiled().FindStringSubmatch(rest)
		if option == nil || !slices.Contains(known, option[1]) {
			return r, errUnknown
		}
		r.Options, rest = append(r.Options, option[1]), rest[len(option[0]):]
	}
	return r, nil
}

const (
	user   = "user"
	system = "system"
	noDBus = "no-dbus" // of daemon-reload, which is not ours
)

var known = []string{user, system, noDBus}

// arguments are what GetOptions leaves of the words, Getopt::Long(3perl): it complains of an
// option that it does not know, and the program goes on without.
func (r Reading) arguments(words []string) (left []string, users bool) {
	for i, word := range words {
		switch option, is := r.option(word); {
		case word == "--":
			return append(left, words[i+1:]...), users
		case !is:
			left = append(left, word)
		case option == user:
			users = true
		case option == system:
			users = false
		}
	}
	return left, users
}

// option is what a word that is one stands for; "" is for one that is complained of.
func (r Reading) option(word string) (name string, is bool) {
	name, is = strings.CutPrefix(word, "--")
	if !is && word != "-" {
		name, is = strings.CutPrefix(word, "-")
	}
	if !is {
		name, is = strings.CutPrefix(word, "+")
	}
	name = strings.ToLower(name)
	if !is || name == "" || slices.Contains(r.Options, name) {
		return name, is
	}
	var full string
	for _, option := range r.Options {
		if strings.HasPrefix(option, name) {
			if full != "" { // ambiguous
				return "", true
			}
			full = option
		}
	}
	return full, true
}
