package rules

import (
	"strings"
	"testing"

	"pidproof/matcher/internal/fact"
)

func TestExePaths(t *testing.T) {
	for link, want := range map[string]string{
		"/usr/sbin/d":                        "/usr/sbin/d",
		"/usr/sbin/d (deleted)":              "/usr/sbin/d",
		"/usr/sbin/d (deleted) (deleted)":    "/usr/sbin/d (deleted)",
		"/usr/sbin/d.dpkg-tmp":               "/usr/sbin/d.dpkg-tmp|/usr/sbin/d",
		"/usr/sbin/d;5f3a9c1e (deleted)":     "/usr/sbin/d;5f3a9c1e|/usr/sbin/d",
		"/usr/sbin/d;5f3":                    "/usr/sbin/d;5f3",
		"/usr/sbin/d;5f3a9c1G":               "/usr/sbin/d;5f3a9c1G",
		"/usr/sbin/d.apk.":                   "/usr/sbin/d.apk.",
		"/usr/sbin/d.#prelink#.aB3dE67":      "/usr/sbin/d.#prelink#.aB3dE67",
		"/usr/sbin/d.#prelink#.aB3d-6":       "/usr/sbin/d.#prelink#.aB3d-6",
		"/usr/sbin/d.#prelink#.aB3dE6":       "/usr/sbin/d.#prelink#.aB3dE6|/usr/sbin/d",
		"/usr/sbin/d.apk.0123abc":            "/usr/sbin/d.apk.0123abc|/usr/sbin/d",
		"/usr/sbin/d-RPMDELETE":              "/usr/sbin/d-RPMDELETE|/usr/sbin/d",
		"/usr/sbin/d.dpkg-new.dpkg-new":      "/usr/sbin/d.dpkg-new.dpkg-new|/usr/sbin/d.dpkg-new",
		"/usr/sbin/d.dpkg-tmpx":              "/usr/sbin/d.dpkg-tmpx",
		"/memfd:d (deleted)":                 "/memfd:d",
		"/usr/sbin/with space (deleted)":     "/usr/sbin/with space",
		"/usr/sbin/line\nbreak (deleted)":    "/usr/sbin/line\nbreak",
		"/usr/sbin/d.dpkg-tmp (deleted).new": "/usr/sbin/d.dpkg-tmp (deleted).new",
	} {
		if got := strings.Join(PathsOf((fact.Exe{Link: link})), "|"); got != want {
			t.Errorf("%q: got %q, want %q", link, got, want)
		}
	}
	literal := fact.Exe{Link: "/usr/sbin/d (deleted)", Literal: true}
	if got := PathsOf(literal); len(got) != 1 || got[0] != literal.Link {
		t.Errorf("a file really called so: got %q", got)
	}
}

// Debian #353015, #519128: names of more than 15 characters.
func TestBears(t *testing.T) {
	for _, c := range []struct {
		comm, name string
		want       bool
	}{
		{"apache2", "apache2", true},
		{"apache2", "apache22", false},
		{"systemd-journal", "systemd-journald", true},
		{"systemd-journa", "systemd-journald", false},
		{"systemd-journald", "systemd-journald", true},
		{"", "", false},
		{"", "apache2", false},
	} {
		if got := Bears(c.comm, c.name); got != c.want {
			t.Errorf("bears(%q, %q) = %v", c.comm, c.name, got)
		}
	}
}

func TestScriptArguments(t *testing.T) {
	for argv, want := range map[string]string{
		"python3 -u /usr/sbin/d --x":     "/usr/sbin/d",
		"perl /usr/sbin/d":               "/usr/sbin/d",
		"sh -c /usr/sbin/d":              "",
		"bash -ec /usr/sbin/d":           "",
		"bash -xe /usr/sbin/d":           "/usr/sbin/d",
		"bash --norc /usr/sbin/d":        "/usr/sbin/d",
		"bash +x -o pipefail F":          "F",
		"bash -euo pipefail F":           "F",
		"bash -O F":                      "",
		"sh -s F":                        "",
		"python3 -W ignore F arg":        "F",
		"python3.11 -Wignore F arg":      "F arg",
		"python3 -m lint F":              "",
		"python3 -um lint F":             "",
		"python3 --check x F":            "",
		"python3 --long x F":             "x F",
		"perl -ne print F":               "",
		"perl -eprint F":                 "",
		"perl -MPOSIX -w F":              "F",
		"perl -d:Trace F":                "F",
		"perl -c F":                      "",
		"ruby -rjson -e 1 F":             "",
		"ruby -r json F":                 "F",
		"node -pe 1 F":                   "",
		"node --eval=1 F":                "",
		"node -r pre.js F":               "F",
		"php -r 1 F":                     "",
		"php8.2 -c php.ini F":            "F",
		"php -d x=y -f F":                "F",
		"python3 a.py F":                 "a.py",
		"java -Dbasic F":                 "F",
		"sh":                             "",
		"sh -":                           "",
		"bash --rcfile /dev/null F -o x": "F",
		"bash +o posix F":                "F",
		"node --require fs F":            "F",
		"node --env-file=x F":            "F",
	} {
		if got := strings.Join(scriptArguments(strings.Fields(argv)), " "); got != want {
			t.Errorf("%q: got %q, want %q", argv, got, want)
		}
	}
	if got := scriptArguments(nil); got != nil {
		t.Errorf("no argv: got %q", got)
	}
}

var shebangs = map[string][2]string{
	"#!/bin/sh\n":                   {"/bin/sh", ""},
	"#! /bin/sh -e\necho":           {"/bin/sh", "-e"},
	"#!/usr/bin/env python3":        {"/usr/bin/env", "python3"},
	"#!/usr/bin/env -S perl -w\r\n": {"/usr/bin/env", "-S perl -w"},
	"#!\t/bin/sh\t-e x\n":           {"/bin/sh", "-e x"},
	"\x7fELF":                       {},
	"#!\n":                          {},
	"":                              {},
	"# !/bin/sh":                    {},
}

func TestSplitShebang(t *testing.T) {
	for head, want := range shebangs {
		interpreter, argument, ok := SplitShebang([]byte(head))
		if interpreter != want[0] || argument != want[1] || ok != (want[0] != "") {
			t.Errorf("%q: got %q %q %v, want %q", head, interpreter, argument, ok, want)
		}
	}
	for argument, want := range map[string]string{"python3": "python3", "-S perl -w": "perl", "-i X=1 node": "node"} {
		if got, _ := EnvProgram(argument); got != want {
			t.Errorf("env %s: got %q, want %q", argument, got, want)
		}
	}
}

func FuzzSplitShebang(f *testing.F) {
	for head := range shebangs {
		f.Add([]byte(head))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		interpreter, argument, ok := SplitShebang(head)
		if ok != (interpreter != "") || !ok && argument != "" && interpreter != "" {
			t.Fatalf("%q: %q %q %v", head, interpreter, argument, ok)
		}
		if strings.ContainsAny(interpreter+argument, "\n\x00") || strings.ContainsAny(interpreter, " \t") {
			t.Fatalf("%q: %q %q", head, interpreter, argument)
		}
		EnvProgram(argument)
	})
}

// A suffix is only ever taken off: what remains begins the link.
func FuzzExePaths(f *testing.F) {
	f.Add("/usr/sbin/d.dpkg-tmp (deleted)")
	f.Add("/usr/sbin/d;5f3a9c1e")
	f.Add(" (deleted)")
	f.Fuzz(func(t *testing.T, link string) {
		for _, p := range PathsOf((fact.Exe{Link: link})) {
			if !strings.HasPrefix(link, p) {
				t.Fatalf("%q gave %q", link, p)
			}
		}
	})
}

// A path with a blank was taken for a title, and list --problems passed over a daemon that no pidfile accounts for.
func TestCallsBlank(t *testing.T) {
	for path, titles := range map[string]map[string]bool{
		"/opt/my app/food":   {"/opt/my app/food": true, "/opt/my app/food -x": true, "food": true, "food: session": false, "/opt/my": false, "/opt/my app/bard": false},
		"/opt/app/my food":   {"/opt/app/my food": true, "my food": true, "./my food": true, "my food listens": true, "my": false, "my food: session": false, "-my food": true},
		"/usr/sbin/food":     {"/usr/sbin/food": true, "food": true, "food listens": true, "food: session": false, "x: /usr/sbin/food": false, "": false},
		"/opt/my app/my two": {"/opt/my app/my two": true, "my two": true, "/opt/my app/my": false},
	} {
		d := Daemon{Path: path, Real: path}
		for title, want := range titles {
			if got := d.Calls([]string{title}); got != want {
				t.Errorf("%q calls %q: %t, want %t", title, path, got, want)
			}
		}
	}
}

func FuzzCalls(f *testing.F) {
	f.Add("/usr/sbin/d", "d", "/usr/sbin/d -x", true)
	f.Add("d", "", "", false)
	f.Add("-bash", "bash", "-bash", false)
	f.Add("", "0", ".", false)
	f.Fuzz(func(t *testing.T, program, comm, argv string, scripts bool) {
		words := strings.Fields(argv)
		if WhatItCalls(program, words, scripts).Agrees(comm) && program == "" {
			t.Fatalf("the empty name matched %q %q", comm, argv)
		}
		Argv0Base(words)
	})
}

// `--exec /usr/bin/python3`, a link to python3.11, for gunicorn, which has taken a title: dpkg's program signals it. Of a
// file that may be several programs (redis-server is a link to redis-check-rdb) a title tells nothing.
func TestRanAsTitle(t *testing.T) {
	titled := []string{"gunicorn: master [app]"}
	for _, c := range []struct {
		path, target string
		multiCall    bool
		argv         []string
		want         fit
	}{
		{"/usr/bin/python3", "/usr/bin/python3.11", false, titled, fitsWell},
		{"/usr/bin/python3", "/usr/bin/python3.11", false, []string{"other"}, fitsMaybe},
		{"/usr/bin/redis-server", "/usr/bin/redis-check-rdb", false, titled, fitsMaybe},
		{"/bin/sh", "/bin/busybox", true, titled, fitsMaybe},
	} {
		d := Daemon{Name: c.path, Path: c.path, Real: c.target, MultiCall: c.multiCall, Links: 1}
		if got := d.ranAs(fact.Exe{Link: c.target}, "gunicorn: maste", c.argv); got != c.want {
			t.Errorf("%s, %q: %v", c.path, c.argv, got)
		}
	}
}
