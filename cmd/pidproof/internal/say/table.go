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
	// Folded is how many of the last columns, at least, go onto a line of their own, below
	// the row, where that would be too wide. The others stay in one line, and a row that was
	// folded is set apart from the next.
	Folded int
	Right  []int // columns of numbers
	// Colour gives a cell one, where it is to stand out; nil: none does.
	Colour func(column int, cell string) string
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
	widths := t.widths(func([]string) bool { return true })
	if width <= 0 || lineOf(widths) <= width {
		for _, row := range t.Rows {
			fmt.Fprintln(w, t.line(row, widths, 0))
		}
		return
	}
	kept := len(widths) - t.Folded
	for kept > 1 && lineOf(widths[:kept]) > width {
		kept--
	}
	fits := func(row []string) bool {
		line := slices.Clone(widths[:kept])
		for _, cell := range row[min(kept, len(row)):] {
			line = append(line, len([]rune(cell)))
		}
		return lineOf(line) <= width
	}
	whole := t.widths(fits)
	copy(whole, widths[:kept])
	if lineOf(whole) > width { // together, their last columns need too much room to be columns
		clear(whole[kept:])
	}
	apart := false
	for _, row := range t.Rows {
		if apart {
			fmt.Fprintln(w)
		}
		if apart = !fits(row); !apart {
			fmt.Fprintln(w, t.line(row, whole, 0))
			continue
		}
		fmt.Fprintln(w, t.line(row[:kept], widths, 0))
		t.below(w, row, kept, width)
	}
}

// below writes the cells of a row from a column on, as many in a line as it takes.
func (t Table) below(w io.Writer, row []string, from, width int) {
	const indent = columnGap + columnGap
	line, length := "", 0
	for i := from; i < len(row); i++ {
		next := len(columnGap) + len([]rune(row[i]))
		if length > 0 && len(indent)+length+next > width {
			fmt.Fprintln(w, indent+strings.TrimRight(line, " "))
			line, length = "", 0
		}
		if row[i] != "" {
			line, length = line+t.coloured(i, row[i])+columnGap, length+next
		}
	}
	if length > 0 {
		fmt.Fprintln(w, indent+strings.TrimRight(line, " "))
	}
}

func (t Table) coloured(column int, cell string) string {
	if t.Colour != nil {
		if colour := t.Colour(column, cell); colour != "" {
			return colour + cell + plainColour
		}
	}
	return cell
}

// lineOf is how long a line with columns of these widths is.
func lineOf(widths []int) int {
	length := -len(columnGap)
	for _, width := range widths {
		length += width + len(columnGap)
	}
	return length
}

// widths are those of the columns of some rows.
func (t Table) widths(of func(row []string) bool) []int {
	widths := make([]int, len(t.Rows[0]))
	for _, row := range t.Rows {
		if !of(row) {
			continue
		}
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
		pad := strings.Repeat(" ", max(0, widths[from+i]-len([]rune(cell))))
		cell = t.coloured(from+i, cell)
		if slices.Contains(t.Right, from+i) {
			cell, pad = pad+cell, ""
		}
		b.WriteString(cell + pad + columnGap)
	}
	return strings.TrimRight(b.String(), " ")
}
