package say

import (
	"strings"

	"pidproof/cmd/pidproof/internal/shellvars"
)

// glue stands for the blanks of a command until it is printed, and edge is where it begins and
// ends: whoever copies one gets it whole, from one line. No name of a file or process holds a
// NUL, and so none can pass for a command.
const (
	glue = "\x00\x1f"
	edge = "\x00\x1e"
)

// Command is a command for a person to copy: quoted as a shell needs it, and not folded.
func Command(words ...string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = shellvars.Quote(Printable(word))
	}
	return edge + strings.ReplaceAll(strings.Join(quoted, " "), " ", glue) + edge
}

// Unfolded is text with its commands as they are copied.
func Unfolded(text string) string { return strings.NewReplacer(glue, " ", edge, "").Replace(text) }

// cutCommand gives what a word of a text says as it is printed, and the Command in it where
// nothing but brackets and stops stands around that; "" else.
func cutCommand(word string) (printed, command string) {
	before, rest, _ := strings.Cut(word, edge)
	command, after, found := strings.Cut(rest, edge)
	if !found {
		return Printable(word), ""
	}
	parts := strings.Split(command, glue)
	for i := range parts {
		parts[i] = Printable(parts[i])
	}
	command = strings.Join(parts, " ")
	printed = Printable(before) + command + Printable(after)
	if strings.Trim(before+after, "().,;:") != "" {
		return printed, ""
	}
	return printed, command
}
