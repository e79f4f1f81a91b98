package matcher

import (
	"os"
	"path/filepath"
	"testing"

	"pidproof/matcher/internal/kernel"
	"pidproof/testdata/must"
)

// `check ssh` asked about the client in PATH.
func TestDaemonsNameInSbinFirst(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"sbin/sshd", "bin/sshd", "bin/ssh"} {
		must.Do(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755), os.WriteFile(filepath.Join(dir, name), nil, 0o755))
	}
	h := &host{System: kernel.ThisSystem(), sbin: dir + "/sbin", path: dir + "/bin"}
	for name, want := range map[string]string{"sshd": "/sbin/sshd", "ssh": "/bin/ssh"} {
		if d, err := h.findDaemon(name); err != nil || d.Path != dir+want {
			t.Errorf("%s: %s, %v, want %s", name, d.Path, err, dir+want)
		}
	}
}
