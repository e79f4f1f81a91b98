package ondemand

import (
	"errors"
	"strings"
	"testing"
	"unicode"
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

func TestScriptDaemon(t *testing.T) {
	for content, want := range map[string]string{
		"#!/bin/sh\nNAME=foo\nDAEMON=/usr/sbin/foo\n":           "/usr/sbin/foo",
		"DAEMON=\"/usr/sbin/a b\" # its path\n":                 "/usr/sbin/a b",
		"DAEMON='/usr/sbin/foo'":                                "/usr/sbin/foo",
		"DAEMON=/usr/sbin/$NAME\n":                              "",
		"DAEMON=$(which foo)\nDAEMON=/usr/sbin/foo\n":           "/usr/sbin/foo",
		"DAEMON=foo\n":                                          "",
		"DAEMON=\n":                                             "",
		"DAEMON=\"/unclosed\n":                                  "",
		"#DAEMON=/x\n  DAEMON=/y\nDAEMON_ARGS=/z\nXDAEMON=/w\n": "",
		"": "",
	} {
		if got, err := scriptDaemon(written(t, content)); err != nil || got != want {
			t.Errorf("%q: %q, want %q", content, got, want)
		}
	}
	if got, err := scriptDaemon("/nosuch/script"); err != nil || got != "" {
		t.Errorf("%q, %v", got, err)
	}
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
