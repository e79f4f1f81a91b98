package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// The help of every command fits a terminal.
func TestHelpWidth(t *testing.T) {
	for _, c := range commands {
		if c.tags != nil { // the real program's is shown
			continue
		}
		var help bytes.Buffer
		run([]string{"pidproof", c.name, "--help"}, &help, io.Discard)
		if help.Len() == 0 {
			t.Errorf("%s has no help", c.name)
		}
		for line := range strings.Lines(help.String()) {
			if len(strings.TrimSuffix(line, "\n")) > 80 {
				t.Errorf("%s: more than 80 columns: %s", c.name, line)
			}
		}
	}
}

// What is wrong with a line is told by what kong has read, not by its words; those of its
// words that are passed on stand here, so that others are seen.
func TestUsageError(t *testing.T) {
	for line, want := range map[string]string{
		"nosuch d":                `unknown command: unexpected argument nosuch`,
		"chek d":                  `unknown command: unexpected argument chek, did you mean "check"?`,
		"--nosuch":                `unknown flag --nosuch`,
		"check":                   `the argument DAEMON is missing`,
		"wait -t 3":               `the arguments STATE and DAEMON are missing`,
		"check a b":               `one argument too many: unexpected argument b`,
		"check a -q b":            `one argument too many: unexpected argument b`,
		"list a --json b":         `one argument too many: unexpected argument b`,
		"check -p":                `--pidfile: its value is missing`,
		"check d --pidfile":       `--pidfile: its value is missing`,
		"check -p -q d":           `--pidfile: "-q" cannot be its value`,
		"check d --timeout":       `--timeout: its value is missing`,
		"check --timeout --quiet": `--timeout: "--quiet" cannot be its value`,
		"check --timeout=soon d":  `--timeout: "soon" is no time above 0 (10, 10s, 500ms)`,
		"check --timeout -1 d":    `--timeout: "-1" is no time above 0 (10, 10s, 500ms)`,
		"wait --time -1 started":  `--time: "-1" is no time (0, 10, 10s, 500ms)`,
		"wait -t -1s started d":   `--time: "-1s" is no time (0, 10, 10s, 500ms)`,
		"wait -t soon started d":  `--time: "soon" is no time (0, 10, 10s, 500ms)`,
		"check --quiet=maybe d":   `--quiet: it takes no value behind =`,
		"check --nosuch d":        `unknown flag --nosuch`,
		"check --quite d":         `unknown flag --quite, did you mean "--quiet"?`,
		"check --unclaimed=x d":   `--unclaimed must be one of "any","listening","none" but got "x"`,
		"wait running d":          `STATE must be one of "started","stopped" but got "running"`,
		"start_daemon -n":         `--nice: its value is missing`,
		"start_daemon -n 41 d":    `--nice: "41" is no nice level from -40 to 40`,
		"pidof -o":                `--omit: missing value, expecting "<arg>"`,
		"register a d":            `register: the pidfile is missing: -p PIDFILE`,
	} {
		args := strings.Fields(line)
		parser, _, err := commandLine(args, kong.Writers(io.Discard, io.Discard))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = parser.Parse(args); err == nil || usageError(err) != want {
			t.Errorf("%s: %v\nis said to be: %s\nwant:          %s", line, err, usageError(err), want)
		}
	}
	for _, line := range []string{"check --quiet=no d", "check --quiet=TRUE d", "wait -t 0 started d", "list --json=yes"} {
		args := strings.Fields(line)
		parser, _, err := commandLine(args, kong.Writers(io.Discard, io.Discard))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = parser.Parse(args); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}
