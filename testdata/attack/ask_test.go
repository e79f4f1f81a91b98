package attack

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// answer is what a command said, and what it took.
type answer struct {
	args      []string
	exit      string // a number, "hangs", or "signal-N"
	peak      int    // KiB
	out, errs string
}

func (a answer) String() string {
	return fmt.Sprintf("%q: exit %s, %d KiB, said %q and %q", a.args, a.exit, a.peak, a.out, a.errs)
}

// hang is how long a question may take, in seconds. It has a limit of its own, which is 10.
const hang = "120"

// ask asks pidproof.
func ask(t *testing.T, args ...string) answer {
	t.Helper()
	return run(t, append([]string{pidproof}, args...)...)
}

func run(t *testing.T, args ...string) answer {
	t.Helper()
	a, err := tryRun(args...)
	must(t, err)
	return a
}

// tryRun is for those that are no test's goroutine.
func tryRun(args ...string) (answer, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return answer{}, err
	}
	defer r.Close()
	var out, errs bytes.Buffer
	command := exec.Command("/srv/bin/ask", append([]string{hang}, args...)...)
	command.Stdout, command.Stderr, command.ExtraFiles = &out, &errs, []*os.File{w}
	err = command.Start()
	w.Close()
	if err != nil {
		return answer{}, err
	}
	a := answer{args: args}
	_, scanned := fmt.Fscanf(r, "%s %d\n", &a.exit, &a.peak)
	if a.exit != "hangs" { // what cannot be killed keeps the pipes
		if err := command.Wait(); err != nil || scanned != nil {
			return a, fmt.Errorf("%q: %v, %v", args, err, scanned)
		}
	}
	a.out, a.errs = out.String(), errs.String()
	return a, nil
}

// most is what an answer may take of memory, whatever others do: 32 MiB.
const most = 32 << 10

// fits reports an answer that is none of these, or that cost too much.
func (a answer) fits(t *testing.T, when string, exits ...string) {
	t.Helper()
	if a.exit == "hangs" {
		t.Fatalf("%s: %s", when, a)
	}
	if !slices.Contains(exits, a.exit) {
		t.Errorf("%s: want exit %s: %s", when, strings.Join(exits, " or "), a)
	}
	if a.peak > most {
		t.Errorf("%s: want at most %d KiB: %s", when, most, a)
	}
	if !a.isText() {
		t.Errorf("%s: a terminal must not get this: %s", when, a)
	}
	for line := range strings.Lines(a.errs) {
		if before, _, named := strings.Cut(line, ": "); !named || strings.Contains(before, " ") {
			t.Errorf("%s: not a line that says who speaks: %q in %s", when, line, a)
		}
	}
}

// isText: nothing in it moves a cursor, or hides what follows.
func (a answer) isText() bool {
	return !strings.ContainsFunc(a.out+a.errs, func(r rune) bool { return r == utf8.RuneError || r != '\n' && !unicode.IsPrint(r) })
}
