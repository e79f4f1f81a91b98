package say

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Table is aligned text: its first row is the head. text/tabwriter folds no rows, and
// aligns all columns to one side.
type Table struct {
	Rows [][]string
	// Folded is how many of the last columns, at least, go onto a line of their own,
	// below the row, where a line would be too wide.
	Folded int
	Right  []int // columns of numbers
}

const columnGap = "  "

// Add escapes what goes in: names are chosen by whoever runs things.
func (t *Table) Add(cells ...string) {
	for i := range cells {
		cells[i] = Printable(cells[i])
	}
	t.Rows = append(t.Rows, cells)
}

// Write keeps lines within width, 0 for none, as far as folding can: nothing is cut
// off.
func (t Table) Write(w io.Writer, width int) {
	widths := t.widths()
	kept := len(widths)
	if width > 0 && lineOf(widths) > width {
		for kept -= t.Folded; kept > 1 && lineOf(widths[:kept]) > width; {
			kept--
		}
	}
	for _, row := range t.Rows {
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

func (t Table) widths() []int {
	widths := make([]int, len(t.Rows[0]))
	for _, row := range t.Rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	return widths
}

// line aligns some cells of a row, the first of which is in column from.
func (t Table) line(cells []string, widths []int, from int) string {
	var b strings.Builder
	for i, cell := range cells {
		pad := strings.Repeat(" ", widths[from+i]-len([]rune(cell)))
		if slices.Contains(t.Right, from+i) {
			cell, pad = pad+cell, ""
		}
		b.WriteString(cell + pad + columnGap)
	}
	return strings.TrimRight(b.String(), " ")
}
