package main

import (
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"pidproof/cmd/pidproof/internal/ask"
)

// What scripts ask often takes the short way.
func TestPlainLine(t *testing.T) {
	for line, plain := range map[string]bool{
		"check d":                            true,
		"check -q -p f d":                    true,
		"check d --pidfile=f --quiet":        true,
		"pidof -s -x a b":                    true,
		"pidof -s -- a -b":                   true,
		"status -p f d name":                 true,
		"pidofproc d":                        true,
		"explain --json d":                   true,
		"start-stop-daemon --stop --exec -x": true,
		"nosuch d":                           false,
		"--timeout=1 check d":                false,
		"check":                              false,
		"check a b":                          false,
		"check --unclaimed any d":            false,
		"pidof -o 1 a":                       false,
		"killproc d":                         false,
		"wait started d":                     false,
		"start_daemon d":                     false,
	} {
		if _, got := plainLine(strings.Fields(line)); got != plain {
			t.Errorf("%q: plain is %v", line, got)
		}
	}
}

// plainline knows kong's tags as the commands have them: each option of each command, alone
// and with all arguments, is to both the same or is no matter of plainline's.
func TestPlainLineIsKongs(t *testing.T) {
	plain := 0
	for _, node := range model(t).Leaves(false) {
		var arguments []string
		for range node.Positional {
			arguments = append(arguments, "started")
		}
		if node.Passthrough { // all words are its own
			continue
		}
		lines := [][]string{{node.Name}, append([]string{node.Name}, arguments...)}
		for _, flag := range node.Flags {
			for _, words := range [][]string{{"--" + flag.Name}, {"--" + flag.Name + "=5"}, {"--" + flag.Name, "5"}, {"-" + string(flag.Short)}} {
				lines = append(lines, append(append([]string{node.Name}, words...), arguments...))
			}
		}
		for _, args := range lines {
			cmd, is := plainLine(args)
			if !is {
				continue
			}
			plain++
			parser, options, err := commandLine(args, kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) {}))
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := parser.Parse(args)
			if err != nil {
				t.Errorf("%q is plain, but to kong: %v", args, err)
				continue
			}
			if want := parsed.Selected().Target.Addr().Interface(); !reflect.DeepEqual(cmd, want) {
				t.Errorf("%q is\n%+v, to kong\n%+v", args, cmd, want)
			}
			if time.Duration(options.Timeout) != ask.DefaultTimeout {
				t.Errorf("%q: time-out %v", args, options.Timeout)
			}
		}
	}
	if plain < 30 {
		t.Errorf("only %d lines were plain", plain)
	}
}
