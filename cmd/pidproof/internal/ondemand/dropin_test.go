package ondemand

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/testdata/need"
)

// unitsDir is an empty /run/systemd/system, until the test ends.
func unitsDir(t *testing.T) {
	t.Helper()
	need.Root(t)
	t.Cleanup(func() { os.RemoveAll(dropInDir) })
	if err := errors.Join(os.RemoveAll(dropInDir), os.MkdirAll(dropInDir, 0o755)); err != nil {
		t.Fatal(err)
	}
}

// A service's drop-ins are found by their name alone, and nothing else is removed.
func TestRemoveDropIns(t *testing.T) {
	unitsDir(t)
	const escaped = `esc\x2dd`
	files := map[string]bool{ // whether it is foo's
		dropInPath("foo.service", "foo"):                      true,
		dropInPath("foo@a.service", "foo"):                    true,
		dropInPath(escaped+".service", "foo"):                 true,
		dropInPath("foo.service", "foobar"):                   false,
		dropInPath(escaped+".service", escaped):               false,
		filepath.Join(dropInDir, "foo.service.d", "own.conf"): false,
		filepath.Join(dropInDir, "zz-pidproof-foo.conf"):      false,
	}
	for path := range files {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	units, err := removeDropIns("foo")
	if want := []string{escaped + ".service", "foo.service", "foo@a.service"}; err != nil || !slices.Equal(units, want) {
		t.Errorf("%v, %v, want %v", units, err, want)
	}
	for path, its := range files {
		if there, err := isFile(path); there == its || err != nil {
			t.Errorf("%s is there: %v, %v", path, there, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dropInDir, "foo@a.service.d")); !os.IsNotExist(err) {
		t.Errorf("an empty directory is left: %v", err)
	}
}

// A hold that cannot be written, as /run is full, is undone: neither a drop-in nor the
// record is left.
func TestHoldOnFullRun(t *testing.T) {
	emptyDir(t)
	need.Root(t)
	if err := os.MkdirAll(dropInDir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dropInDir) })
	// One page, and an entry for the directory: no room for a file.
	if err := unix.Mount("tmpfs", dropInDir, "tmpfs", 0, "size=4096,nr_inodes=2"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dropInDir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	s := Service{Name: "foo", Unit: &Unit{ID: "foo.service", Load: "loaded"}, Triggers: []Trigger{
		{Kind: DBus, Name: "org.foo", Active: true, Holdable: true, starts: []string{"foo.service"}},
	}}
	damage, err := s.Hold(t.Context(), "")
	if damage != nil || !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), dropInPath("foo.service", "foo")) {
		t.Errorf("%v, %v", damage, err)
	}
	if left, err := filepath.Glob(dropInDir + "/*/*"); len(left) > 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
	if r, err := ReadRecord("foo"); r != nil || err != nil {
		t.Errorf("the record is there: %+v, %v", r, err)
	}
}

// What a mark has systemd refuse is found, and released, where the record is damaged, or
// somebody has removed it; and no record that is written later holds it unasked.
func TestUnrecorded(t *testing.T) {
	emptyDir(t)
	unitsDir(t)
	path := dropInPath("foo.service", "foo")
	if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(dropIn("foo")), 0o644)); err != nil {
		t.Fatal(err)
	}
	want := func(what string, held bool, damaged bool) {
		t.Helper()
		r, err := Held(t.Context(), "foo")
		if errors.Is(err, ErrDamaged) != damaged || (r != nil) != held || held && !slices.Equal(r.What(), []string{"foo.service"}) {
			t.Errorf("%s: %+v, %v", what, r, err)
		}
		all, err := AllHeld()
		if slices.Contains(all, "foo") != (held || damaged) || err != nil {
			t.Errorf("%s: all are %v, %v", what, all, err)
		}
	}
	want("a drop-in that refuses nothing", false, false)
	if err := errors.Join(os.MkdirAll(markDir, 0o755), os.WriteFile(markPath("foo"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	want("no record", true, false)
	if still, err := StillHeld(); !slices.Equal(still, []string{"foo"}) || err != nil {
		t.Errorf("still held: %v, %v", still, err)
	}
	if err := os.WriteFile(recordPath("foo"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	want("a damaged record", true, true)
	if err := errors.Join(os.Remove(recordPath("foo")), (&Service{Name: "foo"}).Allow(7)); err != nil {
		t.Fatal(err)
	}
	want("an allowed service, held before", true, false)
	if err := errors.Join(os.Remove(recordPath("foo")), os.Remove(markPath("foo"))); err != nil {
		t.Fatal(err)
	}
	if err := (&Service{Name: "foo"}).Allow(7); err != nil {
		t.Fatal(err)
	}
	if r, err := Held(t.Context(), "foo"); err != nil || len(r.What()) > 0 {
		t.Errorf("an allowed service: %+v, %v", r, err)
	}
}
