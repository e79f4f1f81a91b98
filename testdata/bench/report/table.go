package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Table has a command in the first column, and numbers in the others.
type Table struct {
	Head []string
	Rows [][]string
}

// Print writes the table for a terminal.
func (t Table) Print(to io.Writer) error {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, strings.Join(t.Head, "\t"))
	for _, row := range t.Rows {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	return table.Flush()
}

// Markdown sets commands as code, and numbers to the right.
func (t Table) Markdown() string {
	var text strings.Builder
	line := func(cells []string) { text.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	line(t.Head)
	text.WriteString("|---|" + strings.Repeat("--:|", len(t.Head)-1) + "\n")
	for _, row := range t.Rows {
		// A bar would end the cell, also in code.
		command := "`" + strings.ReplaceAll(row[0], "|", `\|`) + "`"
		line(append([]string{command}, row[1:]...))
	}
	return text.String()
}
