package ssd

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"pidproof/testdata/need"
)

// TestAgainstGetopt: getopt(1) of util-linux splits lines with getopt_long(3),
// as dpkg does.
func TestAgainstGetopt(t *testing.T) {
	getopt := need.Program(t, "getopt")
	lines := [][]string{
		{},
		words("--stop --pid 7 -p f"),
		words("-Kp/run/f -oqx d -- -K"),
		words("a -K b -- c -T --"),
		words("a - -- --"),
		words("-p --stop -n -- -K"),
		words("-p=f --pidfile=f=g --pidfile= --pidfile ''"),
		words("'' -p '' --name ''"),
		words("--sto --st --star --start --startas d"),
		words("--no --no-c --notify --notify-a --re --ret 5"),
		words("--pi --p= --= --=x -= -K="),
		words("--quiet=x --quiet= --bogus=x --stop"),
		words("-z -zK -Kz -K- -é -K: -; -W x"),
		words("--stop --pid"),
		words("-Kp"),
		words("--Stop ---stop --stop- --pid-7"),
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		lines = append(lines, randomLine(random))
	}
	for _, line := range lines {
		if got, want := rendered(options.split(line)), fromGetopt(t, getopt, line); !slices.Equal(got, want) {
			t.Errorf("%q:\n got %q\nwant %q", line, got, want)
		}
	}
}

// randomLine mixes options whole, cut short, misspelt and joined with values,
// clusters of letters, and operands.
func randomLine(random *rand.Rand) []string {
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	line := make([]string, random.IntN(8))
	for i := range line {
		long := options[random.IntN(len(options))].Long
		switch random.IntN(8) {
		case 0, 1:
			line[i] = "--" + long
		case 2:
			line[i] = "--" + long[:random.IntN(len(long)+1)]
		case 3:
			line[i] = "--" + long[:1+random.IntN(len(long))] + "=" + pick("", "v", "=", "a=b")
		case 4, 5:
			line[i] = "-"
			for range 1 + random.IntN(3) {
				line[i] += pick("K", "S", "T", "o", "p", "x", "R", "q", "z", "-", "=", ":")
			}
		default:
			line[i] = pick("", "-", "--", "a", "7", "b=c", "é")
		}
	}
	return line
}

// rendered writes settings and operands as one list; errors are told apart as
// unknown and other ones.
func rendered(settings []setting, operands []string) []string {
	var list, wrong []string
	for _, s := range settings {
		switch {
		case errors.Is(s.err, ErrUnknownOption):
			wrong = append(wrong, "unknown")
		case s.err != nil:
			wrong = append(wrong, "wrong")
		case s.option.Value == "":
			list = append(list, "--"+s.option.Long)
		default:
			list = append(list, "--"+s.option.Long, s.value)
		}
	}
	return slices.Concat(list, []string{"--"}, operands, wrong)
}

// fromGetopt renders what getopt(1) prints: " -p value --quiet -- operand". No
// word of ours holds a blank, and two blanks are an empty word.
func fromGetopt(t *testing.T, getopt string, line []string) []string {
	t.Helper()
	var short strings.Builder
	var long []string
	longOf := map[string]Option{}
	for _, o := range options {
		colon := ""
		if o.Value != "" {
			colon = ":"
		}
		long = append(long, o.Long+colon)
		longOf["--"+o.Long] = o
		if o.Short != 0 {
			short.WriteString(string(o.Short) + colon)
			longOf["-"+string(o.Short)] = o
		}
	}
	command := exec.Command(getopt, append([]string{"-u", "-o", short.String(), "-l", strings.Join(long, ","), "--"}, line...)...)
	command.Env = permuting()
	var complaints bytes.Buffer
	command.Stderr = &complaints
	out, err := command.Output()
	if (err != nil) != (complaints.Len() > 0) {
		t.Fatalf("%q: getopt: %v, %s", line, err, &complaints)
	}

	list := strings.Split(strings.TrimSuffix(string(out), "\n"), " ")[1:]
	for i := 0; list[i] != "--"; i++ {
		o, found := longOf[list[i]]
		if !found {
			t.Fatalf("%q: getopt printed %q", line, out)
		}
		list[i] = "--" + o.Long
		if o.Value != "" {
			i++
		}
	}
	for complaint := range strings.Lines(complaints.String()) {
		if strings.Contains(complaint, "unrecognized option") || strings.Contains(complaint, "invalid option") {
			list = append(list, "unknown")
		} else {
			list = append(list, "wrong")
		}
	}
	return list
}

// permuting is the environment for programs that call getopt_long.
func permuting() []string {
	posix := func(v string) bool { return strings.HasPrefix(v, "POSIXLY_CORRECT=") }
	return append(slices.DeleteFunc(os.Environ(), posix), "LC_ALL=C")
}

func TestKnownOptions(t *testing.T) {
	seen := map[any]bool{rune(0): false}
	for _, o := range KnownOptions() {
		if seen[o.Long] || seen[o.Short] {
			t.Errorf("twice: %+v", o)
		}
		seen[o.Long], seen[o.Short] = true, o.Short != 0
	}
	KnownOptions()[0].Long = "changed"
	if KnownOptions()[0].Long != "start" {
		t.Error("the caller can change the table")
	}
}
