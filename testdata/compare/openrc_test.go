package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pidproof/testdata/need"
)

// What the page says of OpenRC holds: Debian's package has no start-stop-daemon, as a file or as a link. If it has one
// some day, it becomes a column.
func TestOpenRCHasNone(t *testing.T) {
	need.Root(t)
	need.Program(t, "apt-get")
	need.Program(t, "dpkg-deb")
	dir := t.TempDir()
	apt := func(arguments ...string) ([]byte, error) {
		cmd := exec.Command("apt-get", append([]string{"-q", "-y", "-o", "APT::Sandbox::User=root"}, arguments...)...)
		cmd.Dir = dir
		return cmd.CombinedOutput()
	}
	// Without locks: it must neither wait for the machine's package manager nor hold it up.
	download := []string{"-o", "Debug::NoLocking=1", "download", "openrc"}
	if said, err := apt(download...); err != nil {
		t.Logf("%v: %s; now with new package lists", err, said)
		if said, err := apt("update"); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		if said, err := apt(download...); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
	}
	debs, err := filepath.Glob(dir + "/openrc_*.deb")
	if err != nil || len(debs) != 1 {
		t.Fatalf("downloaded %q, %v", debs, err)
	}
	cmd := exec.Command("dpkg-deb", "--contents", debs[0])
	cmd.Stderr = os.Stderr
	files, err := cmd.Output()
	if err != nil || !strings.Contains(string(files), "/supervise-daemon\n") {
		t.Fatalf("its files: %v\n%s", err, files)
	}
	for line := range strings.Lines(string(files)) {
		if name := strings.Fields(line)[5]; filepath.Base(name) == "start-stop-daemon" {
			t.Errorf("it has %s", name)
		}
	}
}
