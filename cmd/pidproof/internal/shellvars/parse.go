// Package shellvars reads files of shell assignments, as in /etc/default,
// without a shell. What it takes for a value, every shell takes for the same one;
// what a shell would expand or run is an error with its line, never taken
// literally.
//
// TestAgainstShells holds it against real ones.
package shellvars

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kballard/go-shellquote"
)

// Var is one assignment.
type Var struct {
	Value string // without its quotes; "" for `NAME=` and `NAME=''`
	Line  int    // from 1
}

// Error is a line that cannot be taken for what a shell takes it for.
type Error struct {
	Path string // "" from Parse, which knows of no file
	Line int    // from 1; 0: it is about the file
	Why  string // what is wrong, and what to write instead
}

func (e *Error) Error() string {
	switch {
	case e.Line == 0:
		return e.Path + ": " + e.Why
	case e.Path == "":
		return fmt.Sprintf("line %d: %s", e.Line, e.Why)
	}
	return fmt.Sprintf("%s:%d: %s", e.Path, e.Line, e.Why)
}

// Parse reads assignments by name, one to a line, between blank lines and
// comments. Every error is an *Error about the first line that is wrong. A
// variable that is set twice is one: a shell would take the last, the reader of
// the file perhaps the first.
func Parse(content []byte) (map[string]Var, error) {
	vars := map[string]Var{}
	for i, line := range strings.Split(string(content), "\n") {
		number := i + 1
		name, value, err := assignment(line)
		if err != nil {
			return nil, &Error{Line: number, Why: err.Error()}
		}
		if name == "" {
			continue
		}
		if before, twice := vars[name]; twice {
			return nil, &Error{Line: number, Why: fmt.Sprintf("%s is set in line %d already: remove one of the two", name, before.Line)}
		}
		vars[name] = Var{Value: value, Line: number}
	}
	return vars, nil
}

// assignment reads one line; name is "" where it says nothing.
func assignment(line string) (name, value string, err error) {
	if err := readable(line); err != nil {
		return "", "", err
	}
	line = strings.TrimLeft(line, " \t")
	if line == "" || line[0] == '#' {
		return "", "", nil
	}
	name, rest, assigns := strings.Cut(line, "=")
	if !assigns || !validName(name) {
		return "", "", noAssignment(line, name)
	}
	end, err := wordEnd(rest)
	if err != nil {
		return "", "", err
	}
	switch after := strings.TrimLeft(rest[end:], " \t"); {
	case after == "" || after[0] == '#':
	case end == 0:
		return "", "", fmt.Errorf("a blank follows the =: write %s='VALUE' without blanks around the =", name)
	default:
		return "", "", fmt.Errorf("something follows the value of %s: quote a value with blanks ('...'), and write one assignment to a line", name)
	}
	value, err = unquoted(rest[:end])
	return name, value, err
}

// readable refuses what editors do not show and shells disagree about.
func readable(text string) error {
	if strings.HasSuffix(text, "\r") {
		return fmt.Errorf("it ends in CR LF: save the file with Unix line ends")
	}
	if !utf8.ValidString(text) {
		return fmt.Errorf("it holds bytes that are no UTF-8: save the file as UTF-8")
	}
	for _, r := range text {
		if unicode.IsControl(r) && r != '\t' {
			return fmt.Errorf("it holds the control character %U: remove it", r)
		}
	}
	return nil
}

// validName is a Name of POSIX.1-2017 volume 1, 3.235.
func validName(name string) bool {
	for i, c := range []byte(name) {
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

func noAssignment(line, name string) error {
	first, _, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
	switch bare := strings.TrimRight(name, " \t"); {
	case first == "export" || first == "readonly":
		return fmt.Errorf("%q is a command, and none is run: write the assignment without it", first)
	case bare != name && validName(bare):
		return fmt.Errorf("a blank stands before the =: write %s=VALUE without blanks around the =", bare)
	}
	if len(first) > 40 {
		first = strings.ToValidUTF8(first[:40], "") + "..."
	}
	return fmt.Errorf("%q is no assignment: write NAME=VALUE, or # before a comment", first)
}

// unquoted is one word that wordEnd has passed, without its quotes.
func unquoted(word string) (string, error) {
	if word == "" {
		return "", nil
	}
	words, err := shellquote.Split(word)
	if err != nil {
		return "", err
	}
	if len(words) != 1 {
		return "", fmt.Errorf("%q is not one word: quote it", word)
	}
	return words[0], nil
}
