package ondemand

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/testdata/need"
	"pidproof/testdata/supervise"
)

// As root, these tests have a /run and mounts of their own.
func TestMain(m *testing.M) { os.Exit(supervise.Main(m.Run)) }

// emptyDir makes the directory of the records, with nothing in it.
func emptyDir(t *testing.T) {
	t.Helper()
	need.Root(t)
	t.Cleanup(func() { os.RemoveAll("/run/pidproof") })
	if err := errors.Join(os.RemoveAll("/run/pidproof"), os.MkdirAll(Dir, 0o755)); err != nil {
		t.Fatal(err)
	}
}

// instead has a file stand at path until the test ends.
func instead(t *testing.T, path, content string) {
	t.Helper()
	need.Root(t)
	need.File(t, path)
	file := written(t, content)
	if err := unix.Mount(file, path, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

func written(t *testing.T, content string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
