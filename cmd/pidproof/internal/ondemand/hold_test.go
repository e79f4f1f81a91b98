package ondemand

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"
)

// What is there to restore: a record, or lines that are held off since an earlier boot.
func TestHeld(t *testing.T) {
	emptyDir(t)
	overEtc(t)
	want := func(what string, r *Record, damaged bool) {
		t.Helper()
		if got, err := Held(t.Context(), "foo"); !reflect.DeepEqual(got, r) || errors.Is(err, ErrDamaged) != damaged || !damaged &&
			err != nil {
			t.Errorf("%s: %+v, %v, want %+v", what, got, err, r)
		}
	}
	want("nothing", nil, false)
	if err := os.WriteFile(inetdConf, []byte(heldComment("foobar", lineName("foo stream tcp nowait root /bin/foo", 0))+offMark+"foo stream tcp nowait root /bin/foo\n"),
		0o644); err != nil {
		t.Fatal(err)
	}
	want("another's", nil, false)
	if err := os.WriteFile(inetdConf, []byte(heldComment("foo", lineName("foo stream tcp nowait root /bin/foo", 0))+offMark+"foo stream tcp nowait root /bin/foo\n"),
		0o640); err != nil {
		t.Fatal(err)
	}
	lines := &Record{Service: "foo", Inetd: true}
	want("lines", lines, false)
	if err := os.WriteFile(Dir+"/foo", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	want("lines, and a damaged record", lines, true)
	if err := (Record{Service: "foo", Units: []string{"foo.path"}}).write(); err != nil {
		t.Fatal(err)
	}
	want("a record", &Record{Schema: 1, Service: "foo", Units: []string{"foo.path"}}, false)
}

// Restore without systemd and inetd gives back the lines, and the owner and mode of
// inetd.conf are what they were.
func TestRestoreLinesOfInetdConf(t *testing.T) {
	emptyDir(t)
	overEtc(t)
	const content = "foo stream tcp nowait root /bin/foo foo"
	held, _ := holdAll(inetdLines{}, content, "foo", nil, true)
	if err := errors.Join(os.WriteFile(inetdConf, []byte(held), 0o600), os.Chown(inetdConf, 7, 8), os.Chmod(inetdConf,
		0o640)); err != nil {
		t.Fatal(err)
	}
	r := Record{Service: "foo", Inetd: true}
	if err := r.write(); err != nil {
		t.Fatal(err)
	}
	restored, restarted, err := Restore(t.Context(), r)
	if err != nil || restarted || len(restored) != 1 || restored[0] != inetdConf {
		t.Errorf("%v, %v, %v", restored, restarted, err)
	}
	got, err := os.ReadFile(inetdConf)
	if err != nil || string(got) != content {
		t.Errorf("%q, %v", got, err)
	}
	var st unix.Stat_t
	if err := unix.Stat(inetdConf, &st); err != nil || st.Uid != 7 || st.Gid != 8 || st.Mode&0o777 != 0o640 {
		t.Errorf("%s, %v", fmt.Sprintf("%d:%d %o", st.Uid, st.Gid, st.Mode), err)
	}
	if again, err := ReadRecord("foo"); again != nil || err != nil {
		t.Errorf("the record is still there: %+v, %v", again, err)
	}
	// A link is somebody's arrangement: it stays.
	if err := errors.Join(os.Rename(inetdConf, "/etc/there"), os.WriteFile("/etc/there", []byte(held), 0o644),
		os.Symlink("there", inetdConf), r.write()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Restore(t.Context(), r); err != nil {
		t.Error(err)
	}
	if target, err := os.Readlink(inetdConf); err != nil || target != "there" {
		t.Errorf("the link leads to %q, %v", target, err)
	}
	if got, err := os.ReadFile("/etc/there"); err != nil || string(got) != content {
		t.Errorf("%q, %v", got, err)
	}
}

// overEtc has an empty /etc until the test ends.
func overEtc(t *testing.T) {
	t.Helper()
	if err := unix.Mount("tmpfs", "/etc", "tmpfs", 0, "mode=0755"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount("/etc", unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}
