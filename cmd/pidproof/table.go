package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// table is aligned text: its first row is the head.
type table struct {
	rows [][]string
	// folded is how many of the last columns, at least, go onto a line of their own,
	// below the row, where a line would be too wide.
	folded int
	right  []int // columns of numbers
}

const columnGap = "  "

// add escapes what goes in: names are chosen by whoever runs things.
func (t *table) add(cells ...string) {
	for i := range cells {
		cells[i] = printable(cells[i])
	}
	t.rows = append(t.rows, cells)
}

// write keeps lines within width, 0 for none, as far as folding can: nothing is cut
// off.
func (t table) write(w io.Writer, width int) {
	widths := t.widths()
	kept := len(widths)
	if width > 0 && lineOf(widths) > width {
		for kept -= t.folded; kept > 1 && lineOf(widths[:kept]) > width; {
			kept--
		}
	}
	for _, row := range t.rows {
		fmt.Fprintln(w, t.line(row[:kept], widths, 0))
		if below := t.line(row[min(kept, len(row)):], widths, kept); below != "" {
			fmt.Fprintln(w, columnGap+below)
		}
	}
}

// lineOf is how long a line with columns of these widths is.
func lineOf(widths []int) int {
	length := -len(columnGap)
	for _, width := range widths {
		length += width + len(columnGap)
	}
	return length
}

func (t table) widths() []int {
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	return widths
}

// line aligns some cells of a row, the first of which is in column from.
func (t table) line(cells []string, widths []int, from int) string {
	var b strings.Builder
	for i, cell := range cells {
		pad := strings.Repeat(" ", widths[from+i]-len([]rune(cell)))
		if slices.Contains(t.right, from+i) {
			cell, pad = pad+cell, ""
		}
		b.WriteString(cell + pad + columnGap)
	}
	return strings.TrimRight(b.String(), " ")
}

// lineWidth is that of the terminal, or COLUMNS (ps(1) goes by it, too); 0, as for a
// pipe, is no limit.
func (c *console) lineWidth() int {
	if width, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && width > 0 {
		return width
	}
	if f, isFile := c.stdout.(*os.File); isFile && isTerminal(f) {
		return columns(f)
	}
	return 0
}
