package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/testdata/need"
)

// TestLikeDpkg runs dpkg's start-stop-daemon and ours side by side, each with
// daemons of its own: what is said on standard output and the exit code are the
// same, or the difference is one that is meant.
func TestLikeDpkg(t *testing.T) {
	need.Root(t) // dpkg's refuses pidfiles that are not root's
	dpkgs := need.Program(t, handover.StartStopDaemon)
	if version, _ := exec.Command(dpkgs, "--version").Output(); !bytes.Contains(version, []byte("for Debian")) {
		t.Fatalf("%s is not dpkg's: %s", dpkgs, version)
	}
	for _, test := range []struct {
		setup, options string
		differs        string // "": not at all; else our exit code, and why
	}{
		{"", "--status --pidfile none.pid", ""},
		{"run d", "--status --pidfile d.pid", ""},
		{"run d", "--status --pidfile d.pid --exec $PWD/d", ""},
		{"run d", "--status --pidfile d.pid --exec /bin/sh", ""},
		{"echo 4194304 >d.pid", "--status --pidfile d.pid", ""},
		{"echo 4194304 >d.pid", "--status --pidfile d.pid --exec /bin/sh", ""},
		{"run d", "--status --exec $PWD/d", ""},
		{"run d; rm d.pid", "--status --pidfile d.pid --exec $PWD/d", ""},
		{"run d", "--status --pid $(cat d.pid) --ppid 4194304", ""},
		{"run d", "--status --pid 4194304", ""},
		{"run d", "--status --pidfile d.pid --user 0 --name d", ""},
		{"run d", "--status --pidfile d.pid --name e", ""},
		{"run d", "--status --pidfile d.pid --user 65533", ""},
		{"", "--status --pidfile /dev/null", ""},
		{"run d", "--status --pidfile /dev/null --exec $PWD/d", ""},
		{"", "--stop --pidfile /dev/null", ""},

		{"", "--stop --pidfile none.pid", ""},
		{"", "--stop --pidfile none.pid --oknodo", ""},
		{"", "--stop --pidfile none.pid --quiet", ""},
		{"", "--stop --pid 4194304 --ppid 1 --user root", ""},
		{"", "--stop --ppid 4194304 --verbose", ""},
		{"", "--stop --ppid 4194304 --user root", ""},
		{"run d", "--stop --pidfile d.pid --test", ""},
		{"run d", "--stop --pidfile d.pid --test --quiet", ""},
		{"run d", "--stop --pidfile d.pid --test --signal HUP --retry 5 --verbose", ""},
		{"run d", "--stop --exec $PWD/d --test --oknodo", ""},
		{"run d", "--stop --pidfile d.pid", ""},
		{"run d", "--stop --pidfile d.pid --verbose", ""},
		{"run d", "--stop --pidfile d.pid --verbose --quiet", ""},
		{"run d", "--stop --pid $(cat d.pid) --verbose --retry 5", ""},
		{"run d", "--stop --exec $PWD/d --signal 0 --verbose", ""},
		{"run d -ignore-term", "--stop --pidfile d.pid --retry TERM/0", ""},
		{"run d -ignore-term", "--stop --pidfile d.pid --retry TERM/KILL", ""},
		{"run d -ignore-term", "--stop --pidfile d.pid --retry TERM/0 --quiet", ""},
		{"run d -ignore-term -record f", "--stop --exec $PWD/d --verbose --retry TERM/0/HUP/0/TERM/1/KILL/5", ""},
		{"run d -ignore-term", "--stop --pidfile d.pid --verbose --retry 1 --remove-pidfile; ls *.pid", ""},
		{"run d -ignore-term; mv d.pid e.pid; run d", "--stop --exec $PWD/d --user 0 --retry TERM/1", ""},

		{"run d", "--start --pidfile d.pid --exec $PWD/d", ""},
		{"run d", "--start --pidfile d.pid --exec $PWD/d --oknodo", ""},
		{"run d", "--start --pidfile d.pid --exec $PWD/d --quiet", ""},
		{"run d", "--start --pidfile d.pid --startas $PWD/d", ""},
		{"run d", "--start --exec $PWD/d --test", ""},
		{"run d; rm d.pid", "--start --pidfile d.pid --exec $PWD/d --test", ""},
		{"run d; echo 4194304 >e.pid", "--start --pidfile e.pid --exec $PWD/d --test", ""},
		{"run d", "--start --pidfile d.pid --exec /bin/echo -- a", ""},
		{"", "--start --pidfile none.pid --exec /bin/echo --test -- a b", ""},
		{"", "--start --pidfile none.pid --exec /bin/echo -- a 'b  c' -- --stop", ""},
		{"", "--start --pidfile none.pid --startas /bin/echo --name echo-$$ -- a", ""},
		{"", "--start --pidfile none.pid --exec /bin/sh -- -c 'exit 7'", ""},
		{"", "--start --pidfile none.pid --exec /none", ""},

		{"", "--stop", ""},
		{"", "--stop --pidfile d.pid --signal NONE", ""},
		{"", "--stop --pidfile d.pid --retry TERM", ""},
		{"", "--stop --pid x", ""},
		{"", "--start --pidfile d.pid", ""},
		{"", "--no-such-option", ""},
		{"", "--version", ""},
		{"", "--help", ""},

		// dpkg stops whom the number belongs to, and 12abc is 12 to it.
		{"run d; mv d.pid xyz.pid; touch -d '-1 day' xyz.pid", "--stop --test --pidfile xyz.pid", "1: a number that changed hands"},
		{"run d; echo $(cat d.pid)abc >d.pid", "--status --pidfile d.pid", "1: names nobody"},
		{"run d; cp d e; mv e d", "--status --pidfile d.pid --exec $PWD/d", ""},
		{"run d; cp d e; mv e d", "--stop --retry 5 --exec $PWD/d", ""},
		// dpkg must find the file.
		{"run d; rm d", "--status --pidfile d.pid --exec $PWD/d", "0: the file was removed"},
		{"run d; rm d", "--stop --retry 5 --pidfile d.pid --exec $PWD/d", "0: the file was removed"},
		{"", "--stop --exec $PWD/none", "1: no such file"},
		{"", "--stop --oknodo --exec $PWD/none", "0: no such file"},
		{"echo 4194304 >d.pid", "--status --pidfile d.pid --exec $PWD/none", "1: no such file"},
		// dpkg exits with 2, where its manual says 3.
		{"run d; chmod 666 d.pid", "--stop --pidfile d.pid --exec $PWD/d", "3: writable by everyone"},
		{"run d; mv d.pid x.pid; chown 65532 x.pid", "--stop --pidfile x.pid", "3: another user's"},
		// dpkg counts the number in the pidfile as one it did not kill, and says so.
		{"", "--stop --pid 4194304", "1: no such process"},
		{"echo 4194304 >d.pid", "--stop --pidfile d.pid --remove-pidfile", "1: no such process"},
		// comm has 15 characters: a longer name never matched.
		{"run a-daemon-with-a-long-name", "--status --pidfile *.pid --name a-daemon-with-a-long-name", "0: a long name"},
		// The daemon's own user may write the pidfile of his own process.
		{"run d -uid 65533; chown 65533 d.pid", "--stop --pidfile d.pid", "0: the daemon's own pidfile"},
	} {
		t.Run(strings.ReplaceAll(test.setup+" "+test.options, "/", "|"), func(t *testing.T) {
			t.Parallel()
			theirs := besideDpkg(t, dpkgs, test.setup, test.options)
			ours := besideDpkg(t, filepath.Join(programs, handover.StartStopDaemon), test.setup, test.options)
			if test.differs == "" {
				if ours != theirs {
					t.Errorf("ours:\n%sdpkg's:\n%s", ours, theirs)
				}
				return
			}
			code, _, _ := strings.Cut(test.differs, ":")
			if !strings.HasSuffix(ours, "exit "+code+"\n") {
				t.Errorf("ours:\n%swant exit %s", ours, test.differs)
			}
			if ours == theirs {
				t.Errorf("no difference any more: %s\n%s", test.differs, ours)
			}
		})
	}
}

// TestRefusesLikeDpkg: what dpkg's finds wrong with a line ends nobody, also where it is
// about what --stop does not use; what it does not mind, ends them. dpkg's 2 for some
// mistakes is our 3, as its manual has it.
func TestRefusesLikeDpkg(t *testing.T) {
	need.Root(t)
	lines := `
--procsched fifo:1|--procsched other|--procsched -p F|-P -p F|--procsched fifo|--procsched fifo:100|--procsched idle:1|-P rr:x
--iosched idle|--iosched best-effort:7|--iosched best-effort:8|--iosched 2:4|-I real-time:|--iosched -p F
--umask 022|--umask 0x1f|--umask u=rw|--umask 8x|-k -p F
--notify-timeout 5|--notify-timeout x|--notify-timeout -1|--notify-await
--chuid root|--chuid 0:0|--chuid root:nosuch|--chuid nosuch|--chuid root:|-c -p F|--chuid 2147483646
--group root|--group 4294967|--group nosuch|-g -p F|--user nosuch|--user 4294967295|--user root
--nicelevel x|-N -p|--output log|--output /log|--no-close|--background|--make-pidfile|--remove-pidfile
--startas x|--chroot /|--chdir /|--signal NONE|--signal 15x|--retry x|--retry -5|--retry 5/|--pid x|--ppid 0|--pid 1 -p d.pid
--progress|--interpreted|--stop-group|--env A=b|--start|--bogus|--quiet=1|--retry|--test=`
	list := strings.FieldsFunc(lines, func(r rune) bool { return r == '\n' || r == '|' })
	script := "cat >list <<'EOF'\n" + strings.Join(list, "\n") + `
EOF
while read -r line; do
	[ -s d.pid ] || run d
	pid=$(cat d.pid)
	set +e
	"$PROGRAM" --stop --quiet --retry 5 --exec $PWD/d $line 2>&-
	code=$?
	set -e
	case $code in 2) code=3 ;; esac
	if [ -e /proc/$pid/exe ]; then echo "$line: $code, nobody"; else echo "$line: $code, ended"; fi
done <list 2>&-
exit`
	theirs := besideDpkg(t, need.Program(t, handover.StartStopDaemon), script, "")
	ours := besideDpkg(t, filepath.Join(programs, handover.StartStopDaemon), script, "")
	if lines := len(list) + 1; strings.Count(ours, "\n") != lines || strings.Count(theirs, "\n") != lines {
		t.Fatalf("not all were tried:\n%s%s", ours, theirs)
	}
	dpkgs := strings.Split(theirs, "\n")
	for i, line := range strings.Split(ours, "\n") {
		if line != dpkgs[i] {
			t.Errorf("ours: %s; dpkg's: %s", line, dpkgs[i])
		}
	}
	for _, has := range []string{"--umask 0x1f: 0, ended", "-P -p F: 3, nobody"} {
		if !strings.Contains(ours, has) {
			t.Errorf("%s is not in\n%s", has, ours)
		}
	}
}

// besideDpkg gives what a program said on standard output, less what differs from
// run to run, and its exit code.
func besideDpkg(t *testing.T, program, setup, options string) string {
	t.Helper()
	dir := t.TempDir()
	// The shell is the parent of all, and collects them: to dpkg's a zombie runs.
	script := `
run() {
	name=$1
	shift
	[ -e "$name" ] || cp "$DEMOD" "$name"
	"./$name" -pidfile "$name.pid" "$@" >&- 2>&- &
	until [ -s "$name.pid" ]; do sleep 0.01; done
}
set -eu
` + setup + `
set +e
"$PROGRAM" ` + strings.Replace(options, ";", "; code=$?;", 1) + `
exit "${code:-$?}"`
	t.Cleanup(func() { endAll(t, dir) })
	cmd := exec.Command("timeout", "-s", "KILL", commandLimit, "sh", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "WORK="+dir, "PROGRAM="+program, "DEMOD="+filepath.Join(programs, "demod"))
	out, err := cmd.Output()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	said := strings.ReplaceAll(string(out), dir, "DIR")
	return numbers.ReplaceAllString(said, "PID") + "exit " + strconv.Itoa(cmd.ProcessState.ExitCode()) + "\n"
}

// numbers are PIDs: what is meant otherwise has fewer digits.
var numbers = regexp.MustCompile(`\b[0-9]{3,}\b`)
