package matcher

import (
	"path/filepath"
	"strings"
)

// calling is what the arguments of a process say of a program's name: by its first
// they call it so; or they do if the kernel's name for the process is one of these,
// the second perhaps cut off.
type calling struct {
	named        bool
	comm, script string
}

func (c calling) agrees(comm string) bool {
	return c.named || c.comm != "" && comm == c.comm || c.script != "" && bears(comm, c.script)
}

// whatItCalls goes by the rules of sysvinit's pidof (killall5.c): `foo` and
// `/bin/foo` match each other, `/bin/foo` and `/sbin/foo` do not. Of a path only its
// script is looked at.
func whatItCalls(program string, argv []string, scripts bool) (c calling) {
	base := lastPart(program)
	if base == "" {
		return c
	}
	same := func(word string) bool {
		return word != "" && (word == program || word == base || lastPart(word) == program)
	}
	script := operand(argv)
	if scripts && same(script) {
		c.script = lastPart(script)
	}
	if filepath.IsAbs(program) {
		return c
	}
	// No argv (kernel threads, zombies), a title (`nginx: master process`) or a
	// login shell (`-bash`): what is left is the kernel's name for it, if that was
	// not cut off.
	title := argv0(argv)
	unsaid := title == "" || strings.Contains(title, " ") || title[0] == '-' && script == ""
	if c.named = same(title); unsaid && len(base) <= commLen {
		c.comm = base
	}
	return c
}

// lastPart is what follows the last slash: nothing, where filepath.Base gives `foo` for `foo/`.
func lastPart(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

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
