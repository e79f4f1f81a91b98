package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pidproof/testdata/debs"
	"pidproof/testdata/need"
)

// Debian 13's programs run with Debian 13's C library, and see this machine's files.
func TestOfTrixie(t *testing.T) {
	need.Root(t)
	need.Program(t, "apt-get")
	dir := t.TempDir()
	cat, root, err := ofTrixie(dir, "/usr/bin/cat", "cat")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(cat, "/proc/self/maps", root+"/etc/debian_version")
	cmd.Env = plainEnv()
	maps, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	said := string(maps)
	if !strings.Contains(said, dir+"/trixie-cat/libc.so.6\n") || strings.Contains(said, " /usr/") || !strings.Contains(said, "\n13.") {
		t.Errorf("it runs with\n%s", said)
	}
}

// What the page says of the LSB functions holds.
func TestSameFunctions(t *testing.T) {
	need.Root(t)
	if err := onBookworm(); err != nil {
		t.Skipf("left out: %v", err)
	}
	debian, err := debs.Trixie()
	if err != nil {
		t.Fatal(err)
	}
	const file = "/lib/lsb/init-functions"
	said, err := exec.Command("cmp", filepath.Join(debian.Root, file), file).CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, said)
	}
}
