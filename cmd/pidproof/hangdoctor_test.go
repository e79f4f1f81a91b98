package main

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pidproof/cmd/pidproof/internal/exitcode"
)

// What doctor reads may lie on a file server, too, that has gone.
func TestHungDoctor(t *testing.T) {
	t.Parallel()
	hung := hungFileSystem(t)
	for _, dir := range []string{"/etc/default", "/etc/init.d", "/lib/lsb/init-functions.d", "/var/lib/dpkg"} {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			doctor := exec.Command("timeout", "-s", "KILL", commandLimit, "unshare", "--mount", "sh", "-c",
				`mount --no-canonicalize --bind "$1" "$2" && exec "$3" --timeout 5s doctor`, "sh", hung, dir, filepath.Join(programs, "pidproof"))
			out, err := doctor.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != exitcode.Unknown {
				t.Errorf("%v, want exit %d", err, exitcode.Unknown)
			}
			const why = "pidproof: no answer in time while waiting for the fuse file system on "
			if where, is := strings.CutPrefix(string(out), why); !is || !strings.HasSuffix(strings.TrimSpace(where), dir) {
				t.Errorf("%s", out)
			}
		})
	}
}
