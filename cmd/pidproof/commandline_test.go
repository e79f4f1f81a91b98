package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func TestCommandIn(t *testing.T) {
	for line, want := range map[string]string{
		"check -q x":               "check",
		"--timeout 5 check x":      "check",
		"--timeout=5 check x":      "check",
		"--timeout check":          "",
		"--timeout check status x": "status",
		"-V check":                 "",
		"--help":                   "",
		"-- check":                 "",
		"nosuch":                   "nosuch",
		"":                         "",
	} {
		if got := commandIn(strings.Fields(line)); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

// The parser of one command reads what the parser of all reads, and nothing is
// built beside it.
func TestOneCommandIsAsAmongAll(t *testing.T) {
	all := model(t)
	for _, c := range commands {
		parser, _, err := commandLine([]string{c.name})
		if err != nil {
			t.Fatal(err)
		}
		alone := parser.Model.Leaves(false)
		if len(alone) != 1 {
			t.Errorf("%s: %d commands were built", c.name, len(alone))
		}
		for _, node := range all.Leaves(false) {
			if node.Name == c.name && grammarOf(node) != grammarOf(alone[0]) {
				t.Errorf("%s: alone\n%s\namong all\n%s", c.name, grammarOf(alone[0]), grammarOf(node))
			}
		}
	}
}

func grammarOf(node *kong.Node) string {
	text := fmt.Sprintln(node.Name, node.Help, node.Detail, node.Passthrough)
	for _, flag := range node.Flags {
		text += fmt.Sprintln(flag, flag.Help, flag.Default)
	}
	for _, argument := range node.Positional {
		text += fmt.Sprintln(argument.Summary(), argument.Help)
	}
	return text
}
