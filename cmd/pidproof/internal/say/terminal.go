package say

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// LineWidth is that of the terminal, or COLUMNS (ps(1) goes by it, too); 0, as for a
// pipe, is no limit.
func (c *Console) LineWidth() int {
	if width, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && width > 0 {
		return width
	}
	if f, isFile := c.Stdout.(*os.File); isFile && isTerminal(f) {
		return columns(f)
	}
	return 0
}

// columns is the width of a terminal, as golang.org/x/term asks for it, by one call of
// x/sys, as isTerminal is; a line that is wider could not be taken away.
func columns(f *os.File) int {
	if size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil && size.Col > 0 {
		return int(size.Col)
	}
	return textWidth
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
