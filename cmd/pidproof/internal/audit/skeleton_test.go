package audit

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const dhMade = `#!/bin/sh
DAEMON=/usr/bin/d
PIDFILE=/run/d.pid
running_pid() {
    pid=$1
    name=$2
    [ -z "$pid" ] && return 1
    [ ! -d /proc/$pid ] &&  return 1
    cmd=` + "`cat /proc/$pid/cmdline | tr \"\\000\" \"\\n\"|head -n 1 |cut -d : -f 1`" + `
    [ "$cmd" != "$name" ] &&  return 1
    return 0
}
running() {
    [ ! -f "$PIDFILE" ] && return 1
    pid=` + "`cat $PIDFILE`" + `
    running_pid $pid $DAEMON || return 1
    return 0
}
force_stop() {
    [ ! -e "$PIDFILE" ] && return
    if running ; then
        kill -15 $pid
        sleep 1
        if running ; then
            kill -9 $pid
            sleep 1
            if running ; then
                echo "Cannot kill (pid=$pid)!"
                exit 1
            fi
        fi
    fi
    rm -f $PIDFILE
}
start-stop-daemon --start --pidfile $PIDFILE --exec $DAEMON
case $1 in
force-stop) force_stop ;;
status) if running; then echo "is running"; else echo "not running"; exit 1; fi ;;
esac
`

// The functions of dh_make's skeleton (dictd, beanstalkd and 15 more of the census), and what looks like them.
func TestSkeleton(t *testing.T) {
	patch := func(text string) Patch {
		s, err := parse("x", text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		_, found := audited(s)
		return settle(s, patchOf(s, found), found)
	}
	p := patch(dhMade)
	if p.Done != 5 || len(p.lines) != 3 {
		t.Errorf("%d are replaced:\n%s", p.Done, p.Diff())
	}
	if left := ofText(t, "x", p.Text()); len(left) > 0 {
		t.Errorf("found in the patched script: %s", places(left))
	}
	for _, change := range [][3]string{ // what has no replacement then
		{"running_pid $pid $DAEMON", "running_pid $pid /usr/bin/e", "pidproof"},
		{"running_pid $pid $DAEMON", "running_pid $1 $DAEMON", "pidproof"},
		{"running_pid $pid $DAEMON |", "running_pid $pid $DAEMON x |", "pidproof"},
		{"running_pid $pid $DAEMON |", "! running_pid $pid $DAEMON |", "pidproof"},
		{`[ ! -f "$PIDFILE" ]`, `[ ! -f "$OTHER" ]`, "pidproof"},
		{"    return 0\n}\nforce_stop", "    go\n    return 0\n}\nforce_stop", "pidproof"},
		{"    name=$2\n", "    name=$2\n    go\n", "pidproof"},
		{"    name=$2\n", "    name=$2\n    echo $pid >/log\n", "pidproof"},
		{"echo \"Cannot", "echo $name \"Cannot", "pidproof"},
		{"force_stop ;;", "running_pid 1 x; force_stop ;;", "pidproof"},
		{"force_stop ;;", "X=running_pid; $X 1 x; force_stop ;;", "pidproof"},
		{"--exec $DAEMON", "--exec /usr/bin/e", "pidproof"},
		{"--pidfile $PIDFILE", "--pidfile /run/e.pid", "pidproof"},
		{"kill -15 $pid", "go; kill -15 $pid", "--signal 15"},
		{"kill -15 $pid", "kill -15 $other", "--signal 15"},
		{"kill -15 $pid", "kill -15 -$pid", "--signal 15"},
		{"    if running ; then\n        kill -15", "    if ! running ; then\n        kill -15", "--signal 15"},
		{"    if running ; then\n        kill -15", "    if running || true; then\n        kill -15", "--signal 15"},
	} {
		text := strings.Replace(dhMade, change[0], change[1], 1)
		if p := patch(text); text == dhMade || strings.Contains(p.Text(), change[2]) {
			t.Errorf("%q: %d are replaced:\n%s", change[1], p.Done, p.Diff())
		}
	}
	for _, change := range [][2]string{ // after which a pidfile is removed without proof
		{"exit 1\n            fi", "true\n            fi"},
		{"                exit 1", "                exit 1 &"},
		{"    rm -f", "}\nclean() {\n    rm -f"},
	} {
		text := strings.Replace(dhMade, change[0], change[1], 1)
		if left := places(ofText(t, "x", patch(text).Text())); text == dhMade || !strings.Contains(left, string(Removed)) {
			t.Errorf("%q: what is left: %s", change[1], left)
		}
	}
}

// The patched functions say what pidproof says; what cannot be told runs, as whatever has the number did.
func TestSkeletonAnswers(t *testing.T) {
	dir := t.TempDir()
	pidfile := filepath.Join(dir, "d.pid")
	if err := os.WriteFile(pidfile, []byte("4000002\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(strings.Replace(dhMade, "/run/d.pid", pidfile, 1), "start-stop-daemon --start", ": start-stop-daemon --start", 1)
	s, err := parse("x", strings.Replace(text, ": start-stop", "start-stop", 1))
	if err != nil {
		t.Fatal(err)
	}
	_, found := audited(s)
	patched := strings.Replace(settle(s, patchOf(s, found), found).Text(), "start-stop-daemon --start", ": --start", 1)
	for answer, want := range map[string]string{"exit 0": "is running", "exit 1": "not running", "exit 3": "not running", "exit 4": "is running"} {
		if err := os.WriteFile(filepath.Join(dir, "pidproof"), []byte("#!/bin/sh\n"+answer+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, shell := range []string{"sh", "bash"} {
			cmd := exec.Command(shell, "-e", "-c", patched, "x", "status")
			cmd.Env = []string{"PATH=" + dir + ":/usr/bin:/bin"}
			if said, _ := cmd.CombinedOutput(); strings.TrimSpace(string(said)) != want { // its exit status is in want
				t.Errorf("%s: pidproof: %s: %q, want %q", shell, answer, said, want)
			}
		}
	}
}
