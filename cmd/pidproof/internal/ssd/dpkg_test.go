package ssd

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pidproof/testdata/need"
)

// nobody is a PID that no process has: PID_MAX_LIMIT itself is never given out.
const nobody = "4194304"

// dpkg runs the real start-stop-daemon. It signals and starts nothing: --test is
// put first, where it is always read as an option. refused says whether it
// found the line wrong, rather than something that the line names.
func dpkg(t *testing.T, line []string) (code int, refused bool, complaint string) {
	t.Helper()
	command := exec.Command(need.Program(t, "start-stop-daemon"), append([]string{"--test"}, line...)...)
	command.Env = append(os.Environ(), "LC_ALL=C")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	complaint, _, _ = strings.Cut(stderr.String(), "\n")
	for _, refusal := range []string{"--help' for more information", "internal error", ": invalid ", "missing group name", " not found"} {
		refused = refused || strings.Contains(stderr.String(), refusal)
	}
	return command.ProcessState.ExitCode(), refused, complaint
}

// agrees compares Parse with dpkg, also in the code that a refused line ends
// with: 4 for --status, else 3.
func agrees(t *testing.T, line []string) error {
	t.Helper()
	code, refused, complaint := dpkg(t, line)
	o, err := Parse(append([]string{"--test"}, line...), Dpkg)
	if err == nil {
		_, err = CriteriaOf(o)
	}
	if err == nil {
		err = LookUpStarted(o)
	}
	if (err != nil) != refused {
		return fmt.Errorf("we say %v, dpkg %d %q", err, code, complaint)
	}
	want := 3
	if o.Action.Asks() {
		want = 4
	}
	if fatal := code == 2 && want == 3; refused && code != want && !fatal { // 2 is not what dpkg's manual says
		return fmt.Errorf("we end with %d (%v), dpkg with %d %q", want, err, code, complaint)
	}
	return nil
}

func TestAgainstDpkg(t *testing.T) {
	running := sleeper(t)
	for _, line := range []string{
		"--stop --pid " + nobody,
		"--stop --pid " + running,
		"--status --pid " + nobody,
		"--status --pid " + running,
		"--start -a/x --pid " + running,

		"", "--stop", "--pid 4194304", "--help", "--stop --start --help", "--stop -V -z", "-z -H", "-Kz", "--status --bogus",
		"--stop --p 4194304", "--status --=x", "--stop --q=1 --pid 4194304", "--stop --pid", "--status -p",
		"--stop --start --stop", "--status --stop --pid 4194304", "--status --status --pid " + nobody,
		"--stop --pid 0", "--stop --ppid -1", "--status --pid x", "--stop --pid ''", "--stop --pid x --pid " + nobody,
		"--stop --pid +" + nobody, "--stop --pid 2147483648", "--status --pid 2147483647", "--stop --pid 7x",
		"--start --pid " + nobody, "--start --startas /x --pid " + nobody, "--stop --startas '' --chroot= --chdir '' --pid " + nobody,
		"--stop --pid 4194304 --pidfile f", "--stop --pid " + nobody + " -m", "--stop --pid " + nobody + " --remove-pidfile",
		"--stop -b --pid " + nobody, "--start -C -a/x --pid " + nobody, "--start -O/x -a/x --pid " + nobody,
		"--start -bCO/x -a/x --pid " + nobody, "--start --notify-await -a/x --pid " + nobody,
	} {
		if err := agrees(t, words(line)); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	for _, pid := range []string{
		" " + nobody, "\t\n\v\f\r +" + nobody, nobody + " ", nobody + "\n", "", " ", "+", "-0", "00" + nobody, "0x1", "1e3",
	} {
		if err := agrees(t, []string{"--status", "--pid", pid}); err != nil {
			t.Errorf("--pid %q: %v", pid, err)
		}
	}
	for _, signal := range []string{"TERM", "15", "0", "64", "", "term", "-15", "-TERM", "SIG", "1x", "TERM/5", "RTMIN"} {
		if err := agrees(t, []string{"--stop", "--pid", nobody, "--signal", signal}); err != nil {
			t.Errorf("--signal %q: %v", signal, err)
		}
	}
	for _, retry := range []string{
		"5", "0", "TERM/30/KILL/5", "-15/5/-9/5", "15/5", "-TERM/5", "TERM/KILL", "HUP/forever/5/KILL", "forever/5", "TERM/2147483647",
		"", "TERM", "-9", "forever", "/", "TERM//5", "TERM/5/", "/5", "TERM/-", "TERM/--5", "term/5", "5x", "TERM/0x5", "TERM/5.5",
		"TERM/2147483648", "TERM/99999999999999999999999", "forever/5/forever/5", "TERM/5/forever", "Forever/5",
	} {
		for _, command := range []string{"--stop", "--status"} {
			if err := agrees(t, []string{command, "--pid", nobody, "--retry", retry}); err != nil {
				t.Errorf("%s --retry %q: %v", command, retry, err)
			}
		}
	}
}

// startedValues are values of the options that only the started program is for: dpkg
// judges them whatever the command, and so do we, started.go.
var startedValues = map[string][]string{
	"procsched": {"other", "other:0", "other:5", "other:x", "other:", "fifo", "fifo:1", "fifo:99", "fifo:0", "fifo:100", "fifo:", "fifo:x", "fifo: 5",
		"rr:50", "rr:", "rr:-1", "rr:5:5", "idle", "batch", "", ":", ":5", "-p", "Fifo:1", "other:2147483648"},
	"iosched": {"idle", "idle:9", "idle:x", "real-time", "real-time:7", "real-time:8", "best-effort:0", "best-effort:", "best-effort:-1",
		"best-effort: +4", "none", "", "2:4", "rt:1", ":4", "best-effort:4:4"},
	"umask": {"022", "0", "18", "0x12", "0X12", "0x", "0b1", "0o22", "0_1", "08", "99999", "-1", "-0", "+022", " 022", "022 ", "", "u=rwx", "2147483647",
		"2147483648", "99999999999999999999"},
	"notify-timeout": {"60", "0", "-1", "", "x", "1.5", "2147483648", "0x10"},
	"nicelevel":      {"5", "-5", "x", "", "99999999999999999999"},
	"group":          {"0", "root", "nosuchgroup", "", "4000000000", "2147483647", "-1", " 0", "0x0", "root:root"},
	"chuid": {"0", "root", "root:root", "0:0", "root:", ":", ":root", "root:nosuchgroup", "nosuchuser", "", "2147483646", "4000000000", "root:0:0",
		"-1", " 0", "root:-1"},
}

func TestAgainstDpkgForTheStarted(t *testing.T) {
	for option, list := range startedValues {
		for _, value := range list {
			for _, command := range []string{"--stop", "--status"} {
				line := []string{command, "--pid", nobody, "--" + option, value}
				if err := agrees(t, line); err != nil {
					t.Errorf("%q: %v", line, err)
				}
			}
		}
	}
	for _, line := range []string{
		"--stop --pid 4194304 --output log", "--start -bO log -a/x --pid " + nobody, "--start -bO/log -a/x --pid " + nobody, "--start -bO= -a/x --pid " + nobody,
		"--stop -P -p f -x /bin/true", "--status -P -p f", "--stop --chuid root:nosuch --group root --pid " + nobody,
		"--stop --group root --chuid root:nosuch --pid " + nobody, "--stop --chuid root:nosuch --chuid root --pid " + nobody,
		"--stop --chuid root: --chuid root --pid " + nobody, "--stop --chuid nosuch --chuid root --pid " + nobody,
		"--stop --umask x --umask 022 --pid " + nobody, "--start --umask x -a/x --pid " + nobody, "--start --chuid nosuch -a/x --pid " + nobody,
		"--stop --user 4294967295", "--stop --user nosuch", "--stop --progress --pid " + nobody, "--stop --env A=b --pid " + nobody,
	} {
		if err := agrees(t, words(line)); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// TestAgainstDpkgPOSIXLYCORRECT: options end at the first operand then.
func TestAgainstDpkgPOSIXLYCORRECT(t *testing.T) {
	t.Setenv("POSIXLY_CORRECT", "")
	for _, line := range []string{
		"operand --stop --pid " + nobody, "--stop operand --pid " + nobody, "--stop --pid 4194304 operand --bogus", "--status --pid 4194304 - --pid x",
		"--stop --pid 4194304 -- --bogus", "--start -a/x --pid 4194304 a -b -c --stop",
	} {
		if err := agrees(t, words(line)); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if o, err := Parse(words("--start -xd a -b -- c"), Dpkg); err != nil || strings.Join(o.Args, " ") != "a -b -- c" {
		t.Errorf("%+v, %v", o, err)
	}
}

// TestDiffersFromDpkg lists where we read a line differently, and why.
func TestDiffersFromDpkg(t *testing.T) {
	pid := "--stop --pid " + nobody + " "
	for _, test := range []struct{ line, why string }{
		{"--stop --pidfile ''", "the variable was probably unset"},
		{"--stop --exec ''", "the variable was probably unset"},
		{"--stop --name ''", "the variable was probably unset"},
		{"--start --startas '' --pid " + nobody, "there is no such program: it cannot be started anyway"},
		{"--bogus --status --pid " + nobody, "3 would say: not running"},
		{"--stop --status --pid " + nobody, "3 would say: not running"},
		{pid + "--signal SIGTERM", "Debian's killproc strips SIG"},
		{pid + "--retry SIGTERM/5", "Debian's killproc strips SIG"},
		{pid + "--signal BUS", "dpkg knows 19 names; kill(1) knows this one"},
		{pid + "--signal 65", "Linux has no such signal: dpkg fails when it sends it"},
		{pid + "--signal +15", "no signal is written so, and strtol(3) takes it by accident"},
		{pid + "--retry -65/5", "Linux has no such signal"},
		{pid + "--retry +5/5", "dpkg takes it for signal 5"},
		{pid + "--retry --0/5", "dpkg takes it for signal 0"},
		{pid + "--retry forever/TERM", "it would never wait"},
		{pid + "--retry 5/forever/TERM/0", "it would never wait"},
		{pid + "--retry TERM/00000000000000000005", "dpkg has room for 19 characters; it is 5"},
	} {
		if err := agrees(t, words(test.line)); err == nil {
			t.Errorf("%s: dpkg does the same now (%s)", test.line, test.why)
		}
	}
}

// TestAgainstDpkgAtRandom mixes words that both should judge alike.
func TestAgainstDpkgAtRandom(t *testing.T) {
	folder := t.TempDir() // no process runs it
	command := []string{"--stop", "-K", "--start", "-S", "--status", "-T"}
	matching := []string{
		"--pid=" + nobody, "--ppid=" + nobody, "--pidfile=" + filepath.Join(folder, "absent"), "--name=nosuchdaemon", "-u" + nobody,
		"-x" + folder, "-a/x", "--startas=/x",
	}
	others := []string{
		"-o", "-q", "-v", "-m", "--remove-pidfile", "-b", "-C", "-O/x", "--retry=5", "-R", "-sHUP", "-s", "KILL", "--umask=022", "-N5",
		"--notify-await", "--notify-timeout=9", "--", "operand", "-d/", "-r/", "-Z", "--st", "--oknodo=x", "--help", "--pid", nobody,
		"--name", "--exec", "--start", "--stop",
	}
	random := rand.New(rand.NewPCG(3, 4))
	pick := func(from []string) string { return from[random.IntN(len(from))] }
	var read, wrong int
	for range 500 {
		var line []string
		if random.IntN(10) > 0 {
			line = append(line, pick(command))
		}
		for range random.IntN(4) {
			line = slices.Insert(line, random.IntN(len(line)+1), pick(matching))
		}
		for range random.IntN(4) {
			line = slices.Insert(line, random.IntN(len(line)+1), pick(others))
		}
		o, err := Parse(line, Dpkg)
		// A --status after the error differs on purpose.
		if settings, _ := options.split(line); err != nil && o.Action == Status && actionOf(settings[0].option.Long) != Status {
			continue
		}
		if err == nil {
			read++
		} else {
			wrong++
		}
		if err := agrees(t, line); err != nil {
			t.Errorf("%q: %v", line, err)
		}
	}
	if read < 100 || wrong < 100 {
		t.Errorf("%d lines had no error, %d had one: too few to tell", read, wrong)
	}
}

// TestDpkgsOptions compares the table with what --help says. A newer dpkg may
// have more options.
func TestDpkgsOptions(t *testing.T) {
	program := need.Program(t, "start-stop-daemon")
	help, err := exec.Command(program, "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	version, err := exec.Command(program, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	theirs := map[string]Option{}
	listed := regexp.MustCompile(`(?m)^  (?:-(.), |    )--([a-z-]+)(?: (<.*?>))?(?:  |$)`)
	for _, m := range listed.FindAllStringSubmatch(string(help), -1) {
		o := Option{Long: m[2], Value: m[3]}
		if m[1] != "" {
			o.Short = rune(m[1][0])
		}
		theirs[o.Long] = o
	}
	// The usage shows --start's operands like a value, "--start -- <argument>...".
	theirs["start"] = Option{Long: "start", Short: 'S'}
	for _, o := range KnownOptions() {
		their, found := theirs[o.Long]
		if o.Long == "pidof" && !found { // newer than this dpkg
			continue
		}
		if !found || their.Short != o.Short || (their.Value == "") != (o.Value == "") {
			t.Errorf("%+v: dpkg has %+v", o, their)
		}
	}
	if strings.Contains(string(version), " 1.21.") && len(theirs)+1 != len(options) {
		t.Errorf("dpkg has %d options, we %d, with --pidof", len(theirs), len(options))
	}
}

// sleeper starts a process that ends with the test, and returns its PID.
func sleeper(t *testing.T) string {
	t.Helper()
	command := exec.Command(need.Program(t, "cat"))
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		command.Wait()
	})
	return strconv.Itoa(command.Process.Pid)
}
