package audit

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A number that goes on to be used when its pidfile may have gone is proven where it is read (smstools' restart waited for
// an innocent process, and killed it). What is done with it has to fit where there is none.
func TestHeld(t *testing.T) {
	const head = "#!/bin/sh\nDAEMON=/bin/d\nP=/run/d.pid\n"
	const wait = "while kill -0 $n 2>/dev/null; do sleep 1; done\n"
	for _, c := range []struct {
		why, text string
		reads     int
	}{
		{"waited for", "n=$(cat $P)\n" + wait, 1},
		{"killed at last", "n=`cat $P 2>/dev/null`\n[ -n \"$n\" ] && kill -9 $n || echo \"cannot kill $n\"", 1},
		{"in two functions", "a() {\n n=$(cat $P)\n " + wait + "}\nb() {\n n=$(</run/d.pid)\n " + wait + "}", 2},
		{"empty before", "n=\"\"\n[ -f $P ] && n=$(cat $P)\n" + wait, 1},
		{"by a name that its path has, too", "pid=$(cat $P)\nwhile kill -0 $pid; do sleep 1; done\nls /var/pid/pid.x", 1},
		{"of a function", "f() {\n local i n\n n=$(cat $P)\n kill $n\n while kill -0 $n; do kill -9 $n; sleep 1; done\n}", 1},
		{"of a function, and handed on", "f() {\n local n\n n=$(cat $P)\n export n\n while kill -0 $n; do sleep 1; done\n}", 0},
		{"forgotten", "pid=$(cat $P)\nunset pid\nwhile kill -0 $pid; do sleep 1; done", 0},
		{"in quotes", "n=\"$(cat \"$P\")\"\n" + wait, 1},
		{"another file", "n=$(cat $P)\n[ -z \"$n\" ] && n=$(cat /run/e.pid)\n" + wait, 0},
		{"a number that is written down", "n=1\nn=$(cat $P)\n" + wait, 0},
		{"in procfs, where none is the directory", "n=$(cat $P)\n" + wait + "[ -d /proc/$n ]", 0},
		{"counted", "n=$(cat $P)\n" + wait + "[ $n -gt 1 ]", 0},
		{"handed on", "f() { kill -9 $1; }\nn=$(cat $P)\n" + wait + "f $n", 0},
		{"written down", "n=$(cat $P)\n" + wait + "echo $n >/run/e.pid", 1},
		{"searched for", "n=$(cat $P)\n" + wait + "grep $n /log", 0},
		{"a part of it", "n=$(cat $P)\n" + wait + "kill ${n%%,*}", 0},
		{"a process group", "n=$(cat $P)\n" + wait + "kill -9 -$n", 0},
		{"through a function of its own", "kill() { :; }\nn=$(cat $P)\n" + wait, 0},
		{"read by read", "read n <$P\n" + wait, 0},
		{"the first of several", "n=$(head -1 $P)\n" + wait, 0},
		{"several files", "n=$(cat /run/*.pid)\n" + wait, 0},
		{"a field of it", "n=$(cut -d, -f1 $P)\n" + wait, 0},
		{"before the daemon is known", "n=$(cat $P)\nDAEMON=/bin/e\n" + wait, 0},
		{"another daemon's pidfile", "start-stop-daemon --start --pidfile /run/e.pid --exec $DAEMON\nn=$(cat $P)\n" + wait, 0},
		{"with backslashes", "n=`cat \\`echo $P\\``\n" + wait, 0},
		{"over two lines", "n=$(cat \\\n$P)\n" + wait, 0},
	} {
		text := head + c.text + "\n"
		p := patchOf(&script{path: "x", text: text}, ofText(t, "x", text))
		if got := strings.Count(p.Text(), "[ $? != 4 ]"); got != c.reads {
			t.Errorf("%s: %d are proven:\n%s", c.why, got, p.Diff())
		}
		if left := ofText(t, "x", p.Text()); c.reads > 0 && slices.ContainsFunc(left, func(f Finding) bool { return f.Kind != Written }) {
			t.Errorf("%s: found in what is patched:\n%s", c.why, places(left)) // squid's kill -0
		}
		if again := patchOf(&script{path: "x", text: p.Text()}, ofText(t, "x", p.Text())); again.Done != 0 {
			t.Errorf("%s: patched again:\n%s", c.why, again.Diff())
		}
	}
}

// What is read instead, by a shell: the daemon's number, none, and that of which nothing can be told; without a pidfile it
// fails as before.
func TestHeldReads(t *testing.T) {
	dir := t.TempDir()
	pidfile := filepath.Join(dir, "d.pid")
	text := "#!/bin/sh\nset -e\nDAEMON=/bin/d\nP=" + pidfile + "\nif n=$(cat $P 2>/dev/null); then echo \"it is $n\"; else echo none; fi\nkill -9 $n 2>/dev/null || :\n"
	p := patchOf(&script{path: "x", text: text}, ofText(t, "x", text))
	if p.Done != 1 {
		t.Fatalf("%d are replaced:\n%s", p.Done, p.Diff())
	}
	for answer, want := range map[string]string{
		"echo 4000001":               "it is 4000001",
		"exit 1":                     "it is",
		"exit 4":                     "it is 4000002",
		"rm " + pidfile + "; exit 3": "none",
	} {
		if err := os.WriteFile(filepath.Join(dir, "pidproof"), []byte("#!/bin/sh\n"+answer+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(pidfile, []byte("4000002\n"), 0o644); err != nil { // more than PID_MAX_LIMIT: nobody's
			t.Fatal(err)
		}
		cmd := exec.Command("/bin/sh", "-c", p.Text())
		cmd.Env = []string{"PATH=" + dir + ":/usr/bin:/bin"}
		said, err := cmd.CombinedOutput()
		if err != nil || strings.TrimSpace(string(said)) != want {
			t.Errorf("pidproof: %s: %q, %v, want %q", answer, said, err, want)
		}
	}
}
