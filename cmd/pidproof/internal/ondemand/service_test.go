package ondemand

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"pidproof/testdata/must"
)

func TestParseName(t *testing.T) {
	for word, want := range map[string]string{
		"foo": "foo", "foo.service": "foo", "foo@1.service": "foo@1", "foo.sh": "foo.sh", "foo.bar_-+:2": "foo.bar_-+:2",
		`a\x2db`: `a\x2db`, strings.Repeat("x", 200): strings.Repeat("x", 200), "foo.service.service": "foo.service",
	} {
		if got, err := ParseName(word); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", word, got, err, want)
		}
	}
	for word, why := range map[string]string{
		"": `"" is no name of a service`, ".service": "is no name of a service", "a/b": "it has a slash",
		"/etc/init.d/foo": "it has a slash",
		"-x":              "is no name", ".x": "is no name", "..": "is no name", "foo.socket": "but a trigger",
		"foo.path":  "but a trigger",
		"foo.timer": "but a trigger", "foo.socket.service": "but a trigger", "a b": `' ' is not allowed`,
		"a\nb": `'\n' is not allowed`,
		"foo*": `'*' is not allowed`, "f\x00": "is not allowed", "f\xff": "is not allowed", "fü": "is not allowed",
		"a$b":                    "is not allowed",
		strings.Repeat("x", 201): "is no name",
	} {
		if got, err := ParseName(word); !errors.Is(err, ErrName) || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %q, %v, want: %s", word, got, err, why)
		}
	}
}

func FuzzName(f *testing.F) {
	for _, word := range []string{"foo", "a.service", "-x", ".x.service", "a/b", "x\n", "\x7f", "é", `\x2d`} {
		f.Add(word)
	}
	f.Fuzz(func(t *testing.T, word string) {
		name, err := ParseName(word)
		if err != nil {
			if name != "" || !errors.Is(err, ErrName) {
				t.Fatalf("%q, %v", name, err)
			}
			return
		}
		if name == "" || strings.ContainsAny(name, "/*?[] ,") || strings.ContainsFunc(name, unicode.IsControl) ||
			strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-") || len(name) > 200 {
			t.Fatalf("%q was accepted as %q", word, name)
		}
		if name != word && name+".service" != word {
			t.Fatalf("%q became %q", word, name)
		}
	})
}

func TestInitScript(t *testing.T) {
	for content, want := range map[string]InitScript{
		"#!/bin/sh\nNAME=foo\nDAEMON=/usr/sbin/foo\n": {"/usr/sbin/foo", ""},
		"DAEMON=\"/usr/sbin/a b\" # its path\n":       {"/usr/sbin/a b", ""},
		"DAEMON='/usr/sbin/foo'":                      {"/usr/sbin/foo", ""},
		"DAEMON=/usr/sbin/$NAME\n":                    {},
		"DAEMON=$(which foo)\nDAEMON=/usr/sbin/foo\n": {"/usr/sbin/foo", ""},
		"DAEMON=/usr/sbin/foo\nDAEMON=$(which foo)\n": {},
		"DAEMON=foo\n":         {},
		"DAEMON=\n":            {},
		"DAEMON=\"/unclosed\n": {},
		"#DAEMON=/x\n  DAEMON=/y\nDAEMON_ARGS=/z\nXDAEMON=/w\n": {},
		"": {},
		// As Debian's skeleton and many scripts have it.
		"NAME=foo\nDAEMON=/usr/sbin/$NAME\nPIDFILE=/var/run/${NAME}.pid\n":         {"/usr/sbin/foo", "/var/run/foo.pid"},
		"NAME=\"foo\"\nDAEMON=\"/usr/sbin/${NAME}\"\nPIDFILE=\"/run/$NAME.pid\"":   {"/usr/sbin/foo", "/run/foo.pid"},
		"D=/run\nPIDFILE=${PIDFILE:-$D/x.pid}\nPIDFILE=${PIDFILE:-/run/foo.pid}\n": {"", "/run/foo.pid"},
		"NAME='a b'\nDAEMON=/usr/sbin/$NAME\n":                                     {},
		"NAME=foo\nDAEMON='/usr/sbin/$NAME'\nPIDFILE=/run/\\$NAME":                 {},
		// As our example has it, and OpenRC's scripts.
		"name=${0##*/}\ndaemon=/usr/sbin/example\npidfile=/run/$name.pid\n": {"/usr/sbin/example", "/run/script.pid"},
		"NAME=$(basename \"$0\")\nPIDFILE=/run/$NAME.pid\n":                 {"", "/run/script.pid"},
		"command=/usr/sbin/foo\npidfile=/run/${RC_SVCNAME}.pid\n":           {"/usr/sbin/foo", "/run/script.pid"},
	} {
		path := filepath.Join(t.TempDir(), "script")
		must.Do(t, os.WriteFile(path, []byte(content), 0o644))
		if got, err := readInitScript(path); err != nil || got != want {
			t.Errorf("%q: %q, want %q", content, got, want)
		}
	}
	if got, err := readInitScript("/nosuch/script"); err != nil || got != (InitScript{}) {
		t.Errorf("%q, %v", got, err)
	}
}

// What a script includes counts where it is included, and each file once.
func TestInitScriptIncludes(t *testing.T) {
	dir := t.TempDir()
	before := included
	t.Cleanup(func() { included = before })
	included = []string{dir}
	write := func(name, content string) {
		must.Do(t, os.WriteFile(filepath.Join(dir, name), []byte(strings.ReplaceAll(content, "DIR", dir)), 0o644))
	}
	write("foo", "name=${0##*/}\ndaemon=/usr/sbin/a\npidfile=/run/$name.pid\n[ ! -r \"DIR/$name.conf\" ] || . \"DIR/$name.conf\"\n")
	write("foo-two", "# . DIR/nosuch\n. DIR/foo\n. /usr/lib/elsewhere; . DIR/foo-two\n")
	write("foo-two.conf", "daemon=/usr/sbin/b\n")
	for name, want := range map[string]InitScript{
		"foo":     {"/usr/sbin/a", "/run/foo.pid"},
		"foo-two": {"/usr/sbin/b", "/run/foo-two.pid"},
	} {
		if got, err := readInitScript(filepath.Join(dir, name)); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
}

// FuzzInitScript: whatever a script says, what is taken from it is a path or nothing.
func FuzzInitScript(f *testing.F) {
	f.Add("NAME=foo\nDAEMON=/usr/sbin/$NAME\nPIDFILE=${P:-/run/$NAME.pid}\n. /etc/default/foo")
	f.Add("pidfile=/run/${0##*/}.pid\ndaemon=\"/x${}\"\nexport daemon=/`id`$")
	f.Fuzz(func(t *testing.T, content string) {
		path := filepath.Join(t.TempDir(), "script")
		must.Do(t, os.WriteFile(path, []byte(content), 0o644))
		got, err := readInitScript(path)
		for _, found := range []string{got.Daemon, got.Pidfile} {
			if err != nil || found != "" && (found[0] != '/' || strings.ContainsFunc(found, unicode.IsControl) && !strings.Contains(found, "\t")) {
				t.Fatalf("%q, %v", got, err)
			}
		}
	})
}

func TestActive(t *testing.T) {
	s := Service{Triggers: []Trigger{
		{Kind: Socket, Name: "a", Active: true, Holdable: true}, {Kind: Path, Name: "b", Holdable: true},
		{Kind: DBus, Name: "c", Active: true}, {Kind: Upholds, Name: "d"},
	}}
	if holdable, others := s.Active(); len(holdable) != 1 || holdable[0].Name != "a" || len(others) != 1 ||
		others[0].Name != "c" {
		t.Errorf("%v, %v", holdable, others)
	}
}
