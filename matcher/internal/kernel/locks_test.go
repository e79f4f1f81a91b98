package kernel

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/testdata/must"
)

const locksExample = `1: POSIX  ADVISORY  WRITE 3568 fd:00:2531452 0 EOF
2: FLOCK  ADVISORY  WRITE 3517 08:02:2531448 0 EOF
3: -> FLOCK  ADVISORY  WRITE 3518 08:02:2531448 0 EOF
4: OFDLCK ADVISORY  READ -1 00:1a:77 0 0
5: LEASE  ACTIVE    READ
garbage
`

func TestParseLocks(t *testing.T) {
	want := []fileLock{
		{3568, fact.FileID{Dev: unix.Mkdev(0xfd, 0), Ino: 2531452}},
		{3517, fact.FileID{Dev: unix.Mkdev(8, 2), Ino: 2531448}},
		{-1, fact.FileID{Dev: unix.Mkdev(0, 0x1a), Ino: 77}},
	}
	if got := lines([]byte(locksExample), parseLock); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func FuzzParseLocks(f *testing.F) {
	f.Add([]byte(locksExample))
	f.Fuzz(func(t *testing.T, content []byte) { lines(content, parseLock) })
}

// The real table, of a real lock held by this very process.
func TestHoldsLock(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "pid"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	id := Identify(file.Name()).Value
	h := ThisSystem()
	if got := h.HoldsLock(os.Getpid(), id); got.State != fact.Known || got.Value {
		t.Errorf("before: %+v", got)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if got := h.HoldsLock(os.Getpid(), id); got.State != fact.Known || !got.Value {
		t.Errorf("with a flock: %+v", got)
	}
	if got := h.HoldsLock(1, id); got.Value {
		t.Errorf("PID 1 has our lock: %+v", got)
	}
}

// Who has the pidfile open half a million times does not decide how long a question takes: 20,000 times took 1.5 seconds.
func TestHoldsLockOfMany(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	opened := func() *os.File {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		must.Do(t, err)
		t.Cleanup(func() { _ = file.Close() })
		return file
	}
	first := opened()
	for range locksAsked {
		opened()
	}
	h := ThisSystem()
	if got := h.HoldsLock(os.Getpid(), Identify(path).Value); got.State != fact.Unreadable {
		t.Errorf("without a lock: %+v", got)
	}
	must.Do(t, unix.Flock(int(first.Fd()), unix.LOCK_EX))
	if got := h.HoldsLock(os.Getpid(), Identify(path).Value); got.State != fact.Known || !got.Value {
		t.Errorf("with a flock: %+v", got)
	}
}
