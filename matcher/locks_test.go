package matcher

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
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
		{3568, FileID{unix.Mkdev(0xfd, 0), 2531452}},
		{3517, FileID{unix.Mkdev(8, 2), 2531448}},
		{-1, FileID{unix.Mkdev(0, 0x1a), 77}},
	}
	if got := parseLocks([]byte(locksExample)); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func FuzzParseLocks(f *testing.F) {
	f.Add([]byte(locksExample))
	f.Fuzz(func(t *testing.T, content []byte) { parseLocks(content) })
}

// The real table, of a real lock held by this very process.
func TestHoldsLock(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "pid"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	id := identify(file.Name()).Value
	h := thisSystem()
	if got := h.holdsLock(os.Getpid(), id); got.State != Known || got.Value {
		t.Errorf("before: %+v", got)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if got := h.holdsLock(os.Getpid(), id); got.State != Known || !got.Value {
		t.Errorf("with a flock: %+v", got)
	}
	if got := h.holdsLock(1, id); got.Value {
		t.Errorf("PID 1 has our lock: %+v", got)
	}
}
