package child

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// Child is a real process: a copy of cat, which lives until its input ends.
type Child struct {
	T    *testing.T
	Cmd  *exec.Cmd
	Path string
	PID  int
}

func Start(t *testing.T) *Child {
	t.Helper()
	cat, err := exec.LookPath("cat")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(cat)
	if err != nil {
		t.Fatal(err)
	}
	c := &Child{T: t, Path: filepath.Join(t.TempDir(), "daemon")}
	if err := os.WriteFile(c.Path, program, 0o755); err != nil {
		t.Fatal(err)
	}
	c.Cmd = exec.Command(c.Path)
	in, err := c.Cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.Cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.PID = c.Cmd.Process.Pid
	t.Cleanup(c.End)
	if _, err := in.Write([]byte("up\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	return c
}

// End kills and collects it, which frees its number.
func (c *Child) End() {
	_ = c.Cmd.Process.Kill()
	_ = c.Cmd.Wait()
}

func (c *Child) Pidfile() string {
	c.T.Helper()
	path := filepath.Join(c.T.TempDir(), "daemon.pid")
	if err := os.WriteFile(path, []byte(strconv.Itoa(c.PID)+"\n"), 0o644); err != nil {
		c.T.Fatal(err)
	}
	return path
}
