package registry

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"golang.org/x/sys/unix"
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
