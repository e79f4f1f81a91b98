package say

import (
	"strings"

	"pidproof/cmd/pidproof/internal/shellvars"
)

// glue stands for the blanks of a command until it is printed: whoever copies one gets it
// whole, from one line.
const glue = "\x1f"

// Command is a command for a person to copy: quoted as a shell needs it, and not folded.
func Command(words ...string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = shellvars.Quote(Printable(word))
	}
	return strings.ReplaceAll(strings.Join(quoted, " "), " ", glue)
}

// Unfolded is text with its commands as they are copied.
func Unfolded(text string) string { return strings.ReplaceAll(text, glue, " ") }
