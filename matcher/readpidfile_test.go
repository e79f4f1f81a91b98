package matcher

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/rules"
	"pidproof/testdata/must"
	"pidproof/testdata/need"
)

func TestReadPidfileNeverHangs(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(at("plain"), []byte("1234\n"), 0o644))
	must(unix.Mkfifo(at("fifo"), 0o600)) // hangs start-stop-daemon
	must(os.Mkdir(at("directory"), 0o700))
	socket, err := net.Listen("unix", at("socket"))
	must(err)
	defer socket.Close()
	must(os.Symlink("nowhere", at("dangling")))
	must(os.Symlink("loop", at("loop")))
	must(os.Symlink(at("plain"), at("link")))
	must(os.Symlink(dir, at("self")))
	must(os.WriteFile(at("zeros"), nil, 0o644))
	must(os.Truncate(at("zeros"), 1<<30)) // 1 GiB, sparse: only 4 KiB may be read

	ends, removed := make([]int, 2), filepath.Join(dir, "removed")
	must(unix.Pipe2(ends, unix.O_CLOEXEC))
	defer unix.Close(ends[0])
	defer unix.Close(ends[1])
	must(os.WriteFile(removed, []byte("1234\n"), 0o644))
	file, err := os.Open(removed)
	must(err)
	defer file.Close()
	must(os.Remove(removed))
	directory, err := os.Open(dir)
	must(err)
	defer directory.Close()

	for _, c := range []struct {
		path  string
		state rules.PidfileState
		why   string
	}{
		{fmt.Sprintf("/dev/fd/%d", ends[0]), rules.PidfileUnusable, "it is a FIFO, not a regular file"}, // a shell's <(command)
		{fmt.Sprintf("/proc/self/fd/%d", file.Fd()), rules.PidfileNames, ""},
		{fmt.Sprintf("/dev/fd/%d/plain", directory.Fd()), rules.PidfileNames, ""},
		{fmt.Sprintf("/dev/fd/%d/missing", directory.Fd()), rules.PidfileAbsent, ""},
		{at("plain"), rules.PidfileNames, ""},
		{at("link"), rules.PidfileNames, ""},
		{dir + "/self/self/../" + filepath.Base(dir) + "/./plain", rules.PidfileNames, ""},
		{at("fifo"), rules.PidfileUnusable, "it is a FIFO, not a regular file"},
		{at("directory"), rules.PidfileUnusable, "it is a directory, not a regular file"},
		{at("socket"), rules.PidfileUnusable, "it is a socket, not a regular file"},
		{"/dev/zero", rules.PidfileUnusable, "it is a device, not a regular file"},
		{at("loop"), rules.PidfileUnusable, "too many levels of symbolic links"},
		{at("plain/below"), rules.PidfileUnusable, "not a directory"},
		{at("plain") + "/", rules.PidfileUnusable, "not a directory"},
		{at("zeros"), rules.PidfileGarbage, "it holds NUL bytes, as after a power loss"},
		{at("dangling"), rules.PidfileAbsent, "it is a link to nowhere, which does not exist"},
		{at("missing"), rules.PidfileAbsent, ""},
		{at("missing/below"), rules.PidfileAbsent, ""},
		{"/dev/null", rules.PidfileAbsent, "it is /dev/null"},
		{at(strings.Repeat("x", 300)), rules.PidfileUnusable, "file name too long"},
	} {
		p := thisHost().readPidfile(context.Background(), c.path)
		if p.State != c.state || p.Why != c.why {
			t.Errorf("%s: got %s (%s), want %s (%s)", c.path, p.State, p.Why, c.state, c.why)
		}
	}
}

// A daemon creates its pidfile and writes to it a moment later.
func TestReadPidfileWaitsForItsWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	h := thisHost()
	looks, write := 0, make(chan struct{})
	h.Now = func() time.Time {
		if looks++; looks == 3 {
			close(write)
		}
		return time.Now()
	}
	go func() {
		<-write
		_ = os.WriteFile(path, []byte("1234\n"), 0o644)
	}()
	if p := h.readPidfile(context.Background(), path); p.PID != 1234 {
		t.Errorf("got %+v, want PID 1234", p)
	}
	// Empty and old: nobody is writing it.
	old := time.Now().Add(-time.Hour)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	looks = 3
	if p := h.readPidfile(context.Background(), path); p.State != rules.PidfileGarbage || looks > 6 {
		t.Errorf("got %+v after %d looks, want garbage at once", p, looks)
	}
}

// What an unprivileged user's link leads to is his choice.
func TestReadPidfileSeesWhoseLinksItFollows(t *testing.T) {
	need.Root(t)
	const user = 65534
	dir := t.TempDir()
	real, mid, end := filepath.Join(dir, "real.pid"), filepath.Join(dir, "mid"), filepath.Join(dir, "end.pid")
	for _, err := range []error{
		os.WriteFile(real, []byte("1234\n"), 0o644),
		os.Symlink(dir, mid), os.Lchown(mid, user, user),
		os.Symlink(real, end), os.Lchown(end, user, user),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	h := thisHost()
	if p := h.readPidfile(context.Background(), end); p.State != rules.PidfileUnusable || !strings.Contains(p.Why, "unprivileged user") {
		t.Errorf("a user's final link: got %s (%s), want unusable", p.State, p.Why)
	}
	p := h.readPidfile(context.Background(), filepath.Join(mid, "real.pid"))
	if ok, why := p.Vouches(0, 0); p.State != rules.PidfileNames || ok || !strings.Contains(why, "symbolic link") {
		t.Errorf("a user's link on the way: got %s, vouches %v (%s)", p.State, ok, why)
	}
}

// The mode shows an access control list's mask as the group's permissions: 0664
// root:root may be writable by anybody it names.
func TestReadPidfileSeesAccessControlLists(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	if err := os.WriteFile(path, []byte("1234\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setxattr(path, "system.posix_acl_access", aclOfNobody(6, 6), 0); err != nil {
		t.Fatal(err)
	}
	p := thisHost().readPidfile(context.Background(), path)
	if ok, why := p.Vouches(p.Owner, p.Owner); p.State != rules.PidfileNames || ok || !strings.Contains(why, "getfacl") {
		t.Errorf("got %s, vouches %v (%s)", p.State, ok, why)
	}
}

// aclOfNobody is an access control list with an entry for user 65534 and a mask.
func aclOfNobody(perm, mask byte) []byte {
	acl := []byte{2, 0, 0, 0}
	for _, e := range [][2]byte{{0x01, 6}, {0x02, perm}, {0x04, 4}, {0x10, mask}, {0x20, 4}} {
		id := []byte{0xff, 0xff, 0xff, 0xff}
		if e[0] == 0x02 {
			id = []byte{0xfe, 0xff, 0, 0}
		}
		acl = append(acl, e[0], 0, e[1], 0)
		acl = append(acl, id...)
	}
	return acl
}

func TestACLWriter(t *testing.T) {
	for _, c := range []struct {
		perm, mask byte
		want       bool
	}{{6, 6, true}, {2, 2, true}, {4, 6, false}, {6, 4, false}} {
		if got := aclWriter(aclOfNobody(c.perm, c.mask)); got != c.want {
			t.Errorf("user %o, mask %o: got %v", c.perm, c.mask, got)
		}
	}
	if aclWriter(nil) {
		t.Error("no list at all lets somebody write")
	}
}

func FuzzACLWriter(f *testing.F) {
	f.Add(aclOfNobody(6, 6))
	f.Fuzz(func(t *testing.T, acl []byte) { aclWriter(acl) })
}

// A long list of people who may read is no list of writers; one writer at its end is.
func TestLongAccessControlList(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "pidproof-test-") // ext4 has no room for one
	must.Do(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "pid")
	must.Do(t, os.WriteFile(path, []byte("123\n"), 0o644))
	const userObj, user, groupObj, mask, other = 0x01, 0x02, 0x04, 0x10, 0x20 // include/uapi/linux/posix_acl.h
	for _, last := range []uint16{4, 6} {
		acl := []byte{2, 0, 0, 0}
		add := func(tag, perm uint16, id uint32) {
			acl = binary.LittleEndian.AppendUint16(acl, tag)
			acl = binary.LittleEndian.AppendUint16(acl, perm)
			acl = binary.LittleEndian.AppendUint32(acl, id)
		}
		add(userObj, 6, ^uint32(0))
		for id := range uint32(1000) {
			add(user, 4, 10000+id)
		}
		add(user, last, 20000)
		add(groupObj, 4, ^uint32(0))
		add(mask, 6, ^uint32(0))
		add(other, 4, ^uint32(0))
		must.Do(t, unix.Setxattr(path, "system.posix_acl_access", acl, 0))
		p := thisHost().readPidfileOnce(path)
		if p.State != rules.PidfileNames || p.ACLWriter != (last == 6) {
			t.Errorf("last may %d: %v (%s), another writer: %v", last, p.State, p.Why, p.ACLWriter)
		}
	}
}

// A daemon creates its pidfile empty, and fills it. The clock stands still: however slow the machine, it is filled before
// the time to wait for that is over.
func TestPidfileBeingWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fresh.pid")
	must.Write(t, path, "")
	h, now, looks := thisHost(), time.Now(), 0
	h.Now = func() time.Time {
		if looks++; looks == 9 {
			must.Write(t, path, "77\n")
			must.Do(t, os.Chtimes(path, now, now))
		}
		return now
	}
	if p := h.readPidfile(context.Background(), path); p.State != rules.PidfileNames || p.PID != 77 || looks < 9 {
		t.Errorf("after %d looks it %+v", looks, p)
	}

	// Not a second later, and not for ever.
	for name, times := range map[string]struct{ first, later time.Duration }{
		"an old one": {2 * freshPidfile, 2 * freshPidfile}, "never filled": {0, writerPatience},
	} {
		must.Write(t, path, "")
		must.Do(t, os.Chtimes(path, now, now))
		looks = 0
		h.Now = func() time.Time {
			if looks++; looks <= 2 { // what is read, and until when it is awaited
				return now.Add(times.first)
			}
			return now.Add(times.later)
		}
		if p := h.readPidfile(context.Background(), path); p.State != rules.PidfileGarbage || looks > 5 {
			t.Errorf("%s: after %d looks it %+v", name, looks, p)
		}
	}
}
