package say

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	long := Table{Folded: 2, Right: []int{1}}
	long.Add("NAME", "PID", "PIDFILE", "EXECUTABLE")
	long.Add("a", "12345", "/run/a.pid", "/usr/sbin/a")
	long.Add("b\x1b[2J", "1", "/run/b.pid", "/usr/sbin/b")
	for width, want := range map[int][]string{
		0: {
			`NAME        PID  PIDFILE     EXECUTABLE`,
			`a         12345  /run/a.pid  /usr/sbin/a`,
			`b\x1b[2J      1  /run/b.pid  /usr/sbin/b`,
		},
		40: nil, // as 0
		30: {
			`NAME        PID`, `    PIDFILE  EXECUTABLE`, ``,
			`a         12345`, `    /run/a.pid  /usr/sbin/a`, ``,
			`b\x1b[2J      1`, `    /run/b.pid  /usr/sbin/b`,
		},
		10: {
			`NAME`, `    PID`, `    PIDFILE`, `    EXECUTABLE`, ``,
			`a`, `    12345`, `    /run/a.pid`, `    /usr/sbin/a`, ``,
			`b\x1b[2J`, `    1`, `    /run/b.pid`, `    /usr/sbin/b`,
		},
	} {
		var out bytes.Buffer
		long.Write(&out, width)
		if got := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n"); want != nil && !slices.Equal(got, want) {
			t.Errorf("width %d:\n%s\nwant\n%s", width, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if width == 40 && strings.Count(out.String(), "\n") != 3 {
			t.Errorf("40 columns are enough, and it is folded:\n%s", &out)
		}
	}
}

// Rows that fit stay whole, the others are folded and set apart, and no line is wider than it
// has to be.
func TestTableFoldsWhatNeedsIt(t *testing.T) {
	table := Table{Folded: 2, Right: []int{1}, Colour: func(column int, cell string) string {
		if column == 0 && cell == "bad" {
			return Red
		}
		return ""
	}}
	table.Add("NAME", "PID", "PIDFILE", "WHAT IS KNOWN")
	table.Add("a", "7", "/run/a.pid", "")
	table.Add("bad", "12", "/run/a/long/path/of/a.pid", "listens on tcp 0.0.0.0:80")
	table.Add("c", "8", "/run/ccc.pid", "")
	for width, want := range map[int]string{
		40: `NAME  PID  PIDFILE       WHAT IS KNOWN
a       7  /run/a.pid
` + Red + `bad` + plainColour + `    12
    /run/a/long/path/of/a.pid
    listens on tcp 0.0.0.0:80

c       8  /run/ccc.pid
`,
		65: `NAME  PID  PIDFILE                    WHAT IS KNOWN
a       7  /run/a.pid
` + Red + `bad` + plainColour + `    12  /run/a/long/path/of/a.pid  listens on tcp 0.0.0.0:80
c       8  /run/ccc.pid
`,
	} {
		var out strings.Builder
		table.Write(&out, width)
		if out.String() != want {
			t.Errorf("at %d columns:\n%s\nwant\n%s", width, out.String(), want)
		}
	}
}
