package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/testdata/need"
)

// The improvements that are about a whole call, and not about single processes.
// "One of each" is seen in TestPidofLikeSysvinit.

// TestPidofUsage: what both say to odd options.
func TestPidofUsage(t *testing.T) {
	t.Parallel()
	theirs := sysvinitsPidof(t)
	w := newWorld(t, 0)
	name, path := w.program("")
	pid := fmt.Sprint(w.start("plain", path, []string{path}).pid)
	again := w.start("plain", path, []string{path})
	both := fmt.Sprint(again.pid) + " " + pid + "\n"
	for _, test := range []struct {
		args              []string
		theirs, ours      int
		stdout            string // of both where the codes agree
		differs, onStderr string // ours alone
	}{
		{args: []string{name}, stdout: both},
		// Options behind programs, between them, with a value that looks like one.
		{args: []string{name, "-s", name}, stdout: fmt.Sprintf("%d %d\n", again.pid, again.pid)},
		{args: []string{"-sd", "--", name, name}, stdout: fmt.Sprintf("%d-%d\n", again.pid, again.pid)},
		{args: []string{"-d", "-s", name}, stdout: strings.Replace(both, " ", "-", 1)},
		{args: []string{"-d-s", name}, stdout: strings.Replace(both, " ", "-", 1)},
		{args: []string{name, "--", "-s"}, stdout: both},
		{args: []string{"--", "-s", name}, stdout: both},
		{args: []string{"-d", "", name}, stdout: strings.Replace(both, " ", "\x00", 1)},
		{args: []string{"-d", ",", "-d", ";", name}, stdout: strings.Replace(both, " ", ";", 1)},
		{args: []string{"--", "--", "-x"}, theirs: 1, ours: 1},
		{args: []string{"-o", "", name}, stdout: both},
		{args: []string{"-h"}, differs: "Version"},
		{args: []string{"-hx", name}, differs: "Version"},

		{args: nil, theirs: 1, ours: 4, differs: "Errors", onStderr: "PROGRAM is missing"},
		{args: []string{"-x"}, theirs: 1, ours: 4, differs: "Errors", onStderr: "PROGRAM is missing"},
		{args: []string{"--"}, theirs: 1, ours: 4, differs: "Errors", onStderr: "PROGRAM is missing"},
		{args: []string{"-y", name}, theirs: 1, ours: 4, differs: "Errors", onStderr: "unknown flag -y"},
		{args: []string{"-sy", name}, theirs: 1, ours: 4, differs: "Errors", onStderr: "unknown flag -y"},
		{args: []string{"-" + name}, theirs: 1, ours: 4, differs: "Errors", onStderr: "unknown flag"},
		{args: []string{"--no-such-option", name}, theirs: 1, ours: 4, differs: "Errors", onStderr: "--no-such-option"},
		{args: []string{name, "-d"}, theirs: 1, ours: 4, differs: "Errors", onStderr: "--separator"},
		{args: []string{name, "-o"}, theirs: 1, ours: 4, differs: "Errors", onStderr: "--omit"},
		{args: []string{"-V"}, theirs: 1, ours: 0, differs: "Version"},
		{args: []string{"--version"}, theirs: 1, ours: 0, differs: "Version"},
		{args: []string{"--help"}, theirs: 1, ours: 0, differs: "Version"},
		{args: []string{"-o", "none", name}, stdout: both, differs: "PIDs to omit", onStderr: "none is no PID, ignored"},
		{args: []string{"-o", "-1", name}, stdout: both, differs: "PIDs to omit", onStderr: "-1 is no PID, ignored"},
		{args: []string{"-o", pid + "x", name}, stdout: fmt.Sprintln(again.pid), differs: "PIDs to omit", onStderr: "x is no PID, taken for " + pid},
	} {
		said := w.asked(os.Geteuid(), []string{theirs}, test.args...)
		if said.code != test.theirs || said.code == test.ours && said.stdout != test.stdout && test.differs != "Version" {
			t.Errorf("sysvinit's pidof %q: exit %d, %q; want exit %d, %q", test.args, said.code, said.stdout, test.theirs, test.stdout)
		}
		for _, ours := range [][]string{{filepath.Join(programs, "pidof")}, {filepath.Join(programs, "pidproof"), "--timeout", "9s", "pidof"}} {
			said := w.asked(os.Geteuid(), ours, test.args...)
			if said.code != test.ours || said.stdout != test.stdout && test.differs != "Version" {
				t.Errorf("%q %q: exit %d, %q; want exit %d, %q", ours, test.args, said.code, said.stdout, test.ours, test.stdout)
			}
			if (test.onStderr == "") != (said.stderr == "") || !strings.Contains(said.stderr, test.onStderr) {
				t.Errorf("%q %q says %q, want %q", ours, test.args, said.stderr, test.onStderr)
			}
		}
	}
}

// TestPidofParent: -o %PPID is the shell that asks; in a subshell, sysvinit's omits
// only that copy and finds the script itself.
func TestPidofParent(t *testing.T) {
	t.Parallel()
	theirs := sysvinitsPidof(t)
	w := newWorld(t, 0)
	path := w.bin(w.name(""))
	w.install(need.Program(t, "sh"), path)
	for _, test := range []struct{ script, theirs, ours string }{
		{`"$1" "$0"; exit $?`, "shell", "shell"},
		{`"$1" -o %PPID "$0"; exit $?`, "", ""},
		{`("$1" -o %PPID "$0"; exit $?); exit $?`, "shell", ""},
		{`found=$("$1" -o "1,%PPID" "$0"; exit $?); code=$?; [ -z "$found" ] || echo "$found"; exit $code`, "shell", ""},
	} {
		for pidof, want := range map[string]string{theirs: test.theirs, filepath.Join(programs, "pidof"): test.ours} {
			said := w.asked(os.Geteuid(), []string{path, "-c", "echo $$; " + test.script, path, pidof})
			shell, stdout, _ := strings.Cut(said.stdout, "\n")
			if got := strings.Replace(strings.TrimSpace(stdout), shell, "shell", 1); got != want || (said.code == 0) != (want != "") {
				t.Errorf("%s in %s finds %q, exit %d, want %q %s", pidof, test.script, got, said.code, want, said.stderr)
			}
		}
	}
}

// TestPidofHanging: sysvinit's waits for a file server that does not answer, and
// cannot even be killed; ours gives up.
func TestPidofHanging(t *testing.T) {
	theirs := sysvinitsPidof(t)
	for _, option := range []string{"-s", "-n", "-z"} {
		t.Run(option, func(t *testing.T) {
			w := &world{t: t}
			t.Cleanup(w.endAll) // after the file system has gone, which ends them
			dir, taken := hungServer(t)
			program := filepath.Join(dir, "daemon")
			p := &arranged{how: "sysvinit's pidof", cmd: exec.Command(theirs, option, program)}
			w.must(p.cmd.Start())
			p.pid = p.cmd.Process.Pid
			w.processes = append(w.processes, p)
			w.must(pollUntil(p.how+" waits for the server", func() bool {
				where, err := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", p.pid))
				return err == nil && string(where) == "request_wait_answer" && taken()
			}))
			w.must(p.cmd.Process.Kill())
			w.await(p, "D")
			said := w.asked(os.Geteuid(), []string{filepath.Join(programs, "pidof"), "--timeout=100ms"}, option, program)
			if said.code != exitcode.Unknown || said.stdout != "" || !strings.Contains(said.stderr, "no answer in time") {
				t.Errorf("ours: exit %d, %q, %q", said.code, said.stdout, said.stderr)
			}
			w.await(p, "D") // still
		})
	}
}
