package rules

import (
	"path/filepath"
	"testing"
)

// As Linux 6.18 writes them.
const (
	formatOfQEMU = "enabled\ninterpreter /usr/bin/qemu-aarch64\nflags: P\noffset 0\n" +
		"magic 7f454c460201010000000000000000000200b700\nmask ffffffffffffff00fffffffffffffffffeffffff\n"
	formatOfJars = "enabled\ninterpreter /usr/bin/jexec\nflags: \nextension .jar\n"
)

func TestParseFormat(t *testing.T) {
	arm := "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00" + "\x01\x00"
	for _, test := range []struct {
		entry, path, head, interpreter string
	}{
		{formatOfQEMU, "/sbin/d", arm, "/usr/bin/qemu-aarch64"},
		{formatOfQEMU, "/sbin/d", arm[:7] + "\x03" + arm[8:16] + "\x03" + arm[17:], "/usr/bin/qemu-aarch64"}, // another ABI, and position independent
		{formatOfQEMU, "/sbin/d", arm[:18] + "\x3e\x00", ""},
		{formatOfQEMU, "/sbin/d", arm[:19], ""},
		{formatOfJars, "/srv/a.jar", "PK", "/usr/bin/jexec"},
		{formatOfJars, "/srv/jar", "PK", ""},
		{"enabled\ninterpreter /opt/x y\nflags: OCF\noffset 2\nmagic 4142\n", "/d", "..AB", "/opt/x y"},
		{"enabled\ninterpreter /opt/x\noffset 2\nmagic 4142\n", "/d", "ABAB"[:3], ""},
		{"disabled\ninterpreter /usr/bin/jexec\nflags: \nextension .jar\n", "/srv/a.jar", "PK", ""},
		{"enabled\ninterpreter jexec\nextension .jar\n", "/srv/a.jar", "PK", ""},
		{"enabled\ninterpreter /opt/x\noffset -2\nmagic 4142\n", "/d", "..AB", ""},
		{"enabled\ninterpreter /opt/x\noffset 0\nmagic 4142\nmask ff\n", "/d", "AB", ""},
		{"enabled\ninterpreter /opt/x\noffset 0\nmagic 414\n", "/d", "AB", ""},
		{"enabled\ninterpreter /opt/x\n", "/d", "AB", ""},
		{"enabled\n", "/d", "AB", ""},
		{"", "/d", "", ""},
	} {
		got := ""
		if f, ok := ParseFormat([]byte(test.entry)); ok && f.Fits(test.path, []byte(test.head)) {
			got = f.Interpreter
		}
		if got != test.interpreter {
			t.Errorf("%q, which begins with %q, and the entry %q: got %q, want %q", test.path, test.head, test.entry, got, test.interpreter)
		}
	}
}

func FuzzParseFormat(f *testing.F) {
	f.Add([]byte(formatOfQEMU), "/sbin/d", []byte("\x7fELF"))
	f.Add([]byte(formatOfJars), "/srv/a.jar", []byte("PK"))
	f.Add([]byte("enabled\ninterpreter /x\noffset 9223372036854775807\nmagic 00\n"), "/", []byte("x"))
	f.Fuzz(func(t *testing.T, entry []byte, path string, head []byte) {
		format, ok := ParseFormat(entry)
		if ok && !filepath.IsAbs(format.Interpreter) {
			t.Fatalf("%q was read as %+v", entry, format)
		}
		if ok {
			format.Fits(path, head)
		}
		Machine(head)
	})
}

func TestMachine(t *testing.T) {
	for head, want := range map[string]uint16{
		"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x3e\x00": 62,
		"\x7fELF\x02\x02\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x16": 22, // s390x: big endian
		"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x3e":     0,
		"#!/bin/sh\n          x>": 0,
	} {
		if got := Machine([]byte(head)); got != want {
			t.Errorf("%q: got %d, want %d", head, got, want)
		}
	}
}
