package say

import (
	"io"
	"os"
)

// Colours of a verdict, ECMA-48's "select graphic rendition".
const (
	Green       = "\x1b[1;32m"
	Yellow      = "\x1b[1;33m"
	Red         = "\x1b[1;31m"
	plainColour = "\x1b[0m"
)

// Paint gives text a colour, where there are any.
func (p Page) Paint(colour, text string) string {
	if !p.Colour {
		return text
	}
	return colour + text + plainColour
}

// WantsColour: on a terminal only, and never against the user's NO_COLOR
// (no-color.org) or a terminal that knows none.
func WantsColour(w io.Writer) bool {
	f, isFile := w.(*os.File)
	if !isFile || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	return isTerminal(f)
}
