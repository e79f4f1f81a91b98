package audit

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

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
