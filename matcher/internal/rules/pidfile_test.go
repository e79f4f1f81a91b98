package rules

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pidproof/matcher/internal/fact"
)

const pidfileSeeds = "../../../testdata/pidfiles"

// What is in testdata/pidfiles, and what must come of it; 0 names nobody.
var pidfileCases = map[string]struct {
	pid         int
	rest, lines []int
	why         string // a part of the reason
}{
	"plain":            {pid: 1234},
	"no-newline":       {pid: 1234},
	"blanks-and-crlf":  {pid: 1234},
	"several":          {pid: 1234, rest: []int{1235, 1236}},  // LSB 5.0, 22.4
	"postmaster.pid":   {pid: 1234},                           // PostgreSQL: later lines are its own
	"one-a-line":       {pid: 1234, lines: []int{1235, 1236}}, // haproxy's nbproc
	"twice":            {pid: 1234, rest: []int{1235}, lines: []int{1236}},
	"pid-and-port":     {pid: 1234, lines: []int{5432}}, // the rules tell that it is no PID
	"number-and-path":  {pid: 1234},
	"largest":          {pid: fact.PIDMax},
	"init":             {pid: 1}, // the rules decide whether it is the daemon
	"empty":            {why: "empty"},
	"newline-only":     {why: "blank"},
	"second-line":      {why: "blank"},
	"zeroed":           {why: "NUL"}, // after a power loss
	"half-zeroed":      {why: "NUL"},
	"minus-one":        {why: `"-1"`}, // start-stop-daemon would signal every process
	"plus":             {why: `"+1234"`},
	"hex":              {why: `"0x4d2"`},
	"trailing-letters": {why: `"12abc"`}, // scanf("%d") reads 12
	"zero":             {why: "0 is no PID"},
	"too-large":        {why: "4194305"},
	"overflow":         {why: "99999999999999999999..."},
	"bom":              {why: "no PID"},
	"pid-and-name":     {why: `"nobody"`},
	"arabic-digits":    {why: "no PID"},
	"escape":           {why: `\x1b`},
}

func TestParsePID(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(pidfileSeeds, "*"))
	if err != nil || len(files) != len(pidfileCases) {
		t.Errorf("%d files in %s, %d cases (%v)", len(files), pidfileSeeds, len(pidfileCases), err)
	}
	for name, want := range pidfileCases {
		content, err := os.ReadFile(filepath.Join(pidfileSeeds, name))
		if err != nil {
			t.Error(err)
			continue
		}
		n, err := ParsePID(content)
		if n.PID != want.pid || !slices.Equal(n.Rest, want.rest) || !slices.Equal(n.Lines, want.lines) {
			t.Errorf("%s: got %v, want %d %v %v", name, n, want.pid, want.rest, want.lines)
		}
		if want.pid == 0 && (!errors.Is(err, ErrNoPID) || !strings.Contains(err.Error(), want.why)) {
			t.Errorf("%s: got error %v, want ErrNoPID with %s", name, err, want.why)
		}
		if want.pid != 0 && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A number that the limit cuts off would be another process's.
func TestParsePIDRefusesACutLine(t *testing.T) {
	cut := []byte(strings.Repeat(" ", PidfileLimit-4) + "1657")
	if n, err := ParsePID(cut); !errors.Is(err, ErrNoPID) {
		t.Errorf("got %v, %v", n, err)
	}
	whole := []byte("1657\n" + strings.Repeat("x", PidfileLimit-5))
	if n, err := ParsePID(whole); n.PID != 1657 || n.Lines != nil {
		t.Errorf("later lines that are no numbers are ignored: got %v, %v", n, err)
	}
}

// Of too many PIDs none is looked at: those that were left out would be taken for others'.
func TestParsePIDRefusesTooMany(t *testing.T) {
	numbers := func(count, from int, separator string) []byte {
		var words []string
		for i := range count {
			words = append(words, strconv.Itoa(from+i))
		}
		return []byte(strings.Join(words, separator) + "\n")
	}
	for _, separator := range []string{" ", "\n"} {
		if n, err := ParsePID(numbers(numbersLimit, 4000000, separator)); err != nil || len(n.All()) != numbersLimit {
			t.Errorf("%d numbers: got %d, %v", numbersLimit, len(n.All()), err)
		}
		if _, err := ParsePID(numbers(numbersLimit+1, 1000, separator)); !errors.Is(err, ErrTooMany) {
			t.Errorf("%d numbers: got %v", numbersLimit+1, err)
		}
	}
	cut := numbers(PidfileLimit, 1000000, "\n")[:PidfileLimit]
	if n, err := ParsePID(cut); !errors.Is(err, ErrTooMany) {
		t.Errorf("a number was cut off: got %v, %v", n, err)
	}
}

// accepted is the grammar in other words: the first line holds blanks and
// decimal numbers only, one at least.
var accepted = regexp.MustCompile(`^[ \t\r]*[0-9]+([ \t\r]+[0-9]+)*[ \t\r]*(\n[^\x00]*)?$`)

func FuzzParsePID(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join(pidfileSeeds, "*"))
	for _, file := range files {
		if content, err := os.ReadFile(file); err == nil {
			f.Add(content)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		numbers, err := ParsePID(content)
		if err != nil {
			if len(numbers.Rest)+len(numbers.Lines)+numbers.PID != 0 || strings.ContainsAny(err.Error(), "\n\x00\x1b") {
				t.Fatalf("%q: %v with error %q", content, numbers, err)
			}
			return
		}
		if !accepted.Match(content) {
			t.Fatalf("%q was accepted as %v", content, numbers)
		}
		line, _, _ := bytes.Cut(content, []byte("\n"))
		words := bytes.Fields(line)
		if len(numbers.Lines) > 0 {
			words = bytes.Fields(content)
		}
		var want []int
		for _, word := range words {
			n, err := strconv.Atoi(string(word))
			if err != nil || n < 1 || n > fact.PIDMax {
				t.Fatalf("%q: word %q read as a PID", content, word)
			}
			if !slices.Contains(want, n) {
				want = append(want, n)
			}
		}
		if !slices.Equal(want, numbers.All()) {
			t.Fatalf("%q: got %v, want %v", content, numbers.All(), want)
		}
	})
}

func TestVouches(t *testing.T) {
	const root, user, other = 0, 1000, 1001
	for _, c := range []struct {
		name      string
		pidfile   Pidfile
		uid, euid int
		want      bool
	}{
		{"nginx, sshd: root's", Pidfile{Owner: root, Mode: 0o644, HardLinks: 1}, root, root, true},
		{"tinyproxy: root's, the daemon another user", Pidfile{Owner: root, Mode: 0o600, HardLinks: 1}, user, user, true},
		{"squid: a setuid mix, the file root's", Pidfile{Owner: root, Mode: 0o644, HardLinks: 1}, 13, root, true},
		{"redis: the daemon's own", Pidfile{Owner: user, Mode: 0o644, HardLinks: 1}, user, user, true},
		{"mysql: 0660, its own group", Pidfile{Owner: user, Group: user, Mode: 0o660, HardLinks: 1}, user, user, true},
		{"root's group may write root's file", Pidfile{Owner: root, Group: 0, Mode: 0o664, HardLinks: 1}, root, root, true},
		{"CVE-2017-11747: a user's file, root's process", Pidfile{Owner: user, Mode: 0o644, HardLinks: 1}, root, root, false},
		{"a user's file, another's process", Pidfile{Owner: user, Mode: 0o644, HardLinks: 1}, other, other, false},
		{"a user's file, a process that is root still", Pidfile{Owner: user, Mode: 0o644, HardLinks: 1}, user, root, false},
		{"a user's file, a process that root started", Pidfile{Owner: user, Mode: 0o644, HardLinks: 1}, root, user, false},
		{"CVE-2018-16888: everyone may write", Pidfile{Owner: root, Mode: 0o666, HardLinks: 1}, root, root, false},
		{"another group may write root's file", Pidfile{Owner: root, Group: user, Mode: 0o664, HardLinks: 1}, root, root, false},
		{"a second hard link", Pidfile{Owner: root, Mode: 0o644, HardLinks: 2}, root, root, false},
		{"a link of a user's", Pidfile{Owner: root, Mode: 0o644, HardLinks: 1, LinkOwners: []int{user}}, root, root, false},
		{"links of two users", Pidfile{Owner: user, Mode: 0o644, HardLinks: 1, LinkOwners: []int{user, other}}, user, user, false},
		{"a link and a file of one user", Pidfile{Owner: user, Mode: 0o644, HardLinks: 1, LinkOwners: []int{user}}, user, user, true},
	} {
		c.pidfile.Path = "/run/x.pid"
		got, why := c.pidfile.Vouches(c.uid, c.euid)
		if got != c.want || why == "" {
			t.Errorf("%s: got %v (%s), want %v", c.name, got, why, c.want)
		}
	}
	if ok, _ := (Pidfile{Mode: fs.FileMode(0)}).Vouches(0, 0); !ok {
		t.Error("root's file with mode 0 cannot be written by others, and was refused")
	}
}
