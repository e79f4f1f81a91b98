package debs

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pidproof/testdata/need"
)

// Debian 13's programs run with Debian 13's C library, and see this machine's files.
func TestProgram(t *testing.T) {
	need.Root(t)
	need.Program(t, "apt-get")
	debian, err := Trixie()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "cat")
	cat, err := debian.Program("/usr/bin/cat", "cat", dir)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(cat, "/proc/self/maps", filepath.Join(debian.Root, "etc/debian_version"))
	cmd.Env = []string{"LC_ALL=C"}
	maps, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	said := string(maps)
	if !strings.Contains(said, dir+"/own/libc.so.6\n") || strings.Contains(said, " /usr/") || !strings.Contains(said, "\n13.") {
		t.Errorf("it runs with\n%s", said)
	}
}
