package main

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"pidproof/cmd/pidproof/internal/ask"
)

func TestPlainLine(t *testing.T) {
	for line, plain := range map[string]bool{
		"check d":                            true,
		"check -q -p f d":                    true,
		"check d --pidfile=f --quiet":        true,
		"check --pidfile f d":                true,
		"pidof -s -x a b":                    true,
		"pidof -s -- a -b":                   true,
		"status -p f d name":                 true,
		"pidofproc d":                        true,
		"explain --json d":                   true,
		"start-stop-daemon --stop --exec -x": true,
		"":                                   false,
		"nosuch d":                           false,
		"--timeout=1 check d":                false,
		"check":                              false,
		"check a b":                          false,
		"check -qp f d":                      false, // kong's, as all below
		"check -pf d":                        false,
		"check -p":                           false,
		"check -p -q d":                      false,
		"check -p= d":                        false,
		"check -q -q d":                      false,
		"check --quiet=true d":               false,
		"check --quiet= d":                   false,
		"check --unclaimed any d":            false,
		"check --help d":                     false,
		"check --nosuch d":                   false,
		"pidof -o 1 a":                       false,
		"killproc d":                         false,
		"wait started d":                     false,
		"start_daemon d":                     false,
	} {
		if _, got := plainLine(strings.Fields(line)); got != plain {
			t.Errorf("%q: plain is %v", line, got)
		}
	}
	if _, plain := plainLine([]string{"check", "-p", "", "d"}); plain {
		t.Error("an empty pidfile is plain")
	}
}

// What plainLine takes, kong takes for the same.
func FuzzPlainLine(f *testing.F) {
	for _, line := range []string{"check -q -p f d", "status --pidfile=f d name", "pidof -s -x a b", "pidof -d , -- a -b",
		"explain --json d", "start-stop-daemon --stop --exec -x -- y", "pidofproc -p f d", "check -- -d", "pidof -c -n -q -z a",
		"start-stop-daemon --help", "start-stop-daemon --timeout 5", "check -p f=g d", "check d -q", "check --quiet= d", "pidof --separator=, a"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		args := getoptOrder(strings.Split(line, " "))
		cmd, plain := plainLine(args)
		if !plain {
			return
		}
		parser, options, err := commandLine(args, kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) {}))
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := parser.Parse(args)
		if err != nil {
			t.Fatalf("%q is plain, but to kong: %v", args, err)
		}
		want := parsed.Selected().Target.Addr().Interface()
		if !reflect.DeepEqual(cmd, want) {
			t.Fatalf("%q is\n%s, to kong\n%s", args, dump(cmd), dump(want))
		}
		if time.Duration(options.Timeout) != ask.DefaultTimeout {
			t.Fatalf("%q: time-out %v", args, options.Timeout)
		}
	})
}

func dump(cmd any) string { return fmt.Sprintf("%+v", reflect.ValueOf(cmd).Elem()) }
