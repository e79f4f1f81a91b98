package matcher

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"pidproof/testdata/child"
	"pidproof/testdata/must"
)

// Another module can import this one, by a replace line as long as it is not published.
func TestAnotherModuleUsesIt(t *testing.T) {
	root, err := filepath.Abs("..")
	must.Do(t, err)
	dir := t.TempDir()
	program, err := os.ReadFile("testdata/outside/main.go")
	must.Do(t, err)
	sums, err := os.ReadFile("../go.sum")
	must.Do(t, err)
	must.Write(t, filepath.Join(dir, "main.go"), string(program))
	must.Write(t, filepath.Join(dir, "go.sum"), string(sums))
	must.Write(t, filepath.Join(dir, "go.mod"), "module outside\n\nrequire pidproof v0.0.0\n\nreplace pidproof => "+root+"\n")
	build := exec.Command("go", "build", "-mod=mod", "-o", "outside", ".")
	build.Dir, build.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	c := child.Start(t)
	out, err := exec.Command(filepath.Join(dir, "outside"), c.Path, c.Pidfile()).Output()
	if want := fmt.Sprintf("running\n%d main false\n", c.PID); err != nil || string(out) != want {
		t.Errorf("got %q, %v; want %q", out, err, want)
	}
}
