package matcher

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// child is a real process: a copy of cat, which lives until its input ends.
type child struct {
	t    *testing.T
	cmd  *exec.Cmd
	path string
	pid  int
}

func startChild(t *testing.T) *child {
	t.Helper()
	cat, err := exec.LookPath("cat")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(cat)
	if err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, path: filepath.Join(t.TempDir(), "daemon")}
	if err := os.WriteFile(c.path, program, 0o755); err != nil {
		t.Fatal(err)
	}
	c.cmd = exec.Command(c.path)
	in, err := c.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.pid = c.cmd.Process.Pid
	t.Cleanup(c.end)
	if _, err := in.Write([]byte("up\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	return c
}

// end kills and collects it, which frees its number.
func (c *child) end() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

func (c *child) pidfile() string {
	c.t.Helper()
	path := filepath.Join(c.t.TempDir(), "daemon.pid")
	if err := os.WriteFile(path, []byte(strconv.Itoa(c.pid)+"\n"), 0o644); err != nil {
		c.t.Fatal(err)
	}
	return path
}
