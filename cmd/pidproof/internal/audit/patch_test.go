package audit

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Two places of a kind on one line: the second was replaced by the second patch.
func TestPatchLine(t *testing.T) {
	const head = "#!/bin/sh\nDAEMON=/bin/d\nP=/run/d.pid\n"
	for line, want := range map[string]struct{ done, left int }{
		"kill -STOP $(cat $P); kill -CONT $(cat $P)":     {2, 0},
		"kill -HUP $(cat $P); kill -HUP $(cat $P)":       {2, 0},
		"kill -9 1234; kill -HUP $(cat $P)":              {1, 1},
		"kill -HUP $(cat $P); kill -9 1234; kill 1235":   {1, 1},
		"kill -0 $(cat $P) || kill -0 $(cat $P) 2>&1":    {2, 0},
		"run() { \"$@\"; }; run kill $x; run kill -9 $x": {0, 1},
	} {
		text := head + line + "\n"
		p := patchOf(&script{path: "x", text: text}, ofText(t, "x", text))
		left := ofText(t, "x", p.Text())
		if again := patchOf(&script{path: "x", text: p.Text()}, left); p.Done != want.done || len(left) != want.left || again.Done != 0 {
			t.Errorf("%s: %d replaced, %d left, and then %d:\n%s", line, p.Done, len(left), again.Done, p.Diff())
		}
	}
}

// A patch is applied in the root directory, and its lines are nobody's to choose by a name.
func TestDiffNames(t *testing.T) {
	const text = "#!/bin/sh\nDAEMON=/bin/d\nkill $(cat /run/d.pid)\n"
	dir := t.TempDir()
	t.Chdir(dir)
	for name, done := range map[string]int{"plain": 1, "with blanks in it": 1, "x\n+++ b": 0, "x\x1b[2J": 0} {
		if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		p, _, _, err := one(name)
		if err != nil || p.Done != done {
			t.Errorf("%q: %d, %v\n%s", name, p.Done, err, p.Diff())
		}
		if done == 0 {
			continue
		}
		cmd := exec.Command("patch", "-s", "-p1", "-d", "/")
		cmd.Stdin = strings.NewReader(p.Diff())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s\n%s", err, out, p.Diff())
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != p.Text() {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// The diff is one that patch(1) takes, also without a last newline and with changes far apart
// and near to each other.
func TestDiffApplies(t *testing.T) {
	const kill = "\tkill -HUP $(cat /run/d.pid)\n"
	far := strings.Repeat("\ttrue\n", 9)
	for _, body := range []string{kill, kill + kill, kill + far + kill + "\ttrue\n" + kill, far + strings.TrimSuffix(kill, "\n")} {
		text := "#!/bin/sh\nDAEMON=/bin/d\n" + body
		path := filepath.Join(t.TempDir(), "script")
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		p := patchOf(&script{path: path, text: text}, ofText(t, path, text))
		cmd := exec.Command("patch", "-s", "-p1", "-d", "/")
		cmd.Stdin = strings.NewReader(p.Diff())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s\n%s", err, out, p.Diff())
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != p.Text() || p.Done == 0 {
			t.Errorf("patch made %q of it, %v, want %q", got, err, p.Text())
		}
	}
}
