package registry

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/cmd/pidproof/internal/shellvars"
)

func TestRemove(t *testing.T) {
	dir := t.TempDir()
	if err := Remove(dir+"/absent", "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	must(t, Add(dir, foo), os.Mkdir(dir+"/empty", 0o755), os.Symlink("kept", dir+"/link"))
	put(t, dir+"/damaged", "$(x)")
	put(t, dir+"/kept", sound("kept"))
	for _, name := range []string{"apache2-foo", "damaged", "link"} {
		must(t, Remove(dir, name))
		if err := Remove(dir, name); !errors.Is(err, fs.ErrNotExist) || err.Error() != "no registration "+name+" in "+dir+": file does not exist" {
			t.Errorf("%s again: %v", name, err)
		}
	}
	if err := Remove(dir, "empty"); !errors.Is(err, unix.EISDIR) {
		t.Errorf("a directory: %v", err)
	}
	if left := entries(t, dir); left != "empty kept " {
		t.Errorf("left %s", left)
	}
}

// An error about a directory that is there does not say that nothing is registered, also
// where it is ENOENT.
func TestNotAbsent(t *testing.T) {
	if err := shellvars.NotAbsent("/x", &fs.PathError{Op: "fstat", Path: "/x", Err: unix.ENOENT}); errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if err := shellvars.NotAbsent("/x", unix.EIO); !errors.Is(err, unix.EIO) {
		t.Errorf("%v", err)
	}
}

// What cannot be read may have the same pidfile; what is damaged has none.
func TestAddBesideUnread(t *testing.T) {
	dir := t.TempDir()
	put(t, dir+"/damaged", "$(x)")
	must(t, os.Symlink("loop", dir+"/loop"))
	if err := Add(dir, foo); !errors.Is(err, unix.ELOOP) {
		t.Errorf("%v", err)
	}
	if left := entries(t, dir); left != "damaged loop " {
		t.Errorf("left %s", left)
	}
	must(t, os.Remove(dir+"/loop"), Add(dir, foo))
}
