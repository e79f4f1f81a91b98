package rules

import (
	"path/filepath"
	"strings"
)

// Calling is what the arguments of a process say of a program's name: by its first
// they call it so; or they do if the kernel's name for the process is one of these,
// the second perhaps cut off.
type Calling struct {
	named        bool
	comm, script string
}

func (c Calling) Agrees(comm string) bool {
	return c.named || c.comm != "" && comm == c.comm || c.script != "" && Bears(comm, c.script)
}

// WhatItCalls goes by the rules of sysvinit's pidof (killall5.c): `foo` and
// `/bin/foo` match each other, `/bin/foo` and `/sbin/foo` do not. Of a path only its
// script is looked at.
func WhatItCalls(program string, argv []string, scripts bool) (c Calling) {
	base := LastPart(program)
	if base == "" {
		return c
	}
	same := func(word string) bool {
		return word != "" && (word == program || word == base || LastPart(word) == program)
	}
	script := operand(argv)
	if scripts && same(script) {
		c.script = LastPart(script)
	}
	if filepath.IsAbs(program) {
		return c
	}
	// No argv (kernel threads, zombies), a title (`nginx: master process`) or a
	// login shell (`-bash`): what is left is the kernel's name for it, if that was
	// not cut off.
	title := Argv0(argv)
	unsaid := title == "" || strings.Contains(title, " ") || title[0] == '-' && script == ""
	if c.named = same(title); unsaid && len(base) <= CommLen {
		c.comm = base
	}
	return c
}

// LastPart is what follows the last slash: nothing, where filepath.Base gives `foo` for `foo/`.
func LastPart(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// operand is the first argument that is no option: the script, if that is what
// the kernel was asked to execute.
func operand(argv []string) string {
	for i, word := range argv {
		if i > 0 && !strings.HasPrefix(word, "-") {
			return word
		}
	}
	return ""
}
