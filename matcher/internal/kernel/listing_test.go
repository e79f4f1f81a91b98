package kernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/testdata/must"
	"pidproof/testdata/waiting"
)

// Every process is looked at exactly once, however many cores look, and they come
// in order; ourselves never.
func TestAmongSeesAllOnce(t *testing.T) {
	h := &System{Proc: t.TempDir()}
	var want []int
	for pid := 1; pid <= 3000; pid++ {
		must.Do(t, os.Mkdir(filepath.Join(h.Proc, strconv.Itoa(pid)), 0o755))
		if pid%3 == 0 && pid != os.Getpid() {
			want = append(want, pid)
		}
	}
	for _, other := range []string{"self", "12ab", "0", "-4", "sys", "7 "} {
		must.Do(t, os.Mkdir(filepath.Join(h.Proc, other), 0o755))
	}
	var lock sync.Mutex
	seen := map[int]int{}
	all, err := h.Among(func(_, pid int) (bool, error) {
		lock.Lock()
		defer lock.Unlock()
		seen[pid]++
		return pid%3 == 0, nil
	})
	must.Do(t, err)
	if !slices.Equal(all.Pids, want) || !all.Init {
		t.Errorf("init %v; got %d processes, want %d: %v", all.Init, len(all.Pids), len(want), all.Pids)
	}
	for pid, times := range seen {
		if times != 1 || pid == os.Getpid() {
			t.Errorf("%d was looked at %d times", pid, times)
		}
	}
	must.Do(t, os.Remove(filepath.Join(h.Proc, "1")))
	if all, err = h.Among(func(int, int) (bool, error) { return false, nil }); err != nil || all.Init || all.Pids != nil {
		t.Errorf("got %v, %v", all, err)
	}
	// Who cannot be looked at may be the one asked for.
	all, err = h.Among(func(_, pid int) (bool, error) {
		if pid == 77 {
			return false, unix.EMFILE
		}
		return true, nil
	})
	if !errors.Is(err, unix.EMFILE) || all.Pids != nil {
		t.Errorf("got %v, %v", all, err)
	}
	h.Proc = filepath.Join(h.Proc, "none")
	if _, err := h.Among(func(int, int) (bool, error) { return true, nil }); err == nil {
		t.Error("a directory that is not there was read")
	}
}

// A deadline passes even if the kernel kept every core that looks: that Go's scheduler
// hears nothing of reading exe links must not cost that.
func TestDeadlineWhileAllCoresLook(t *testing.T) {
	h := &System{Proc: t.TempDir()}
	for pid := range 500 {
		must.Do(t, os.Mkdir(filepath.Join(h.Proc, strconv.Itoa(pid+1)), 0o755))
	}
	reader, writer, err := os.Pipe()
	must.Do(t, err)
	defer reader.Close()
	defer writer.Close()
	// Should the test fail, something outside must release the cores.
	released := filepath.Join(t.TempDir(), "released")
	release := exec.Command("sh", "-c", `sleep "$2"; : >"$1"; head -c 1000 /dev/zero >&3`, "sh", released,
		strconv.Itoa(int(waiting.Limit.Seconds())))
	release.ExtraFiles = []*os.File{writer}
	release.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // with its sleep
	must.Do(t, release.Start())
	defer func() { _ = syscall.Kill(-release.Process.Pid, syscall.SIGKILL); _ = release.Wait() }()

	cores, kept := runtime.GOMAXPROCS(0), make(chan bool, 1000)
	looked := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		for range cores {
			<-kept
		}
		if now := runtime.GOMAXPROCS(0); now != cores {
			t.Errorf("%d cores are used, %d before: a library changes nothing of its program", now, cores)
		}
		cancel()
	}()
	_, _, inTime := Within(ctx, h, func() (Listing, error) {
		all, err := h.Among(func(int, int) (bool, error) {
			kept <- true
			var one [1]byte
			_, _ = unix.Read(int(reader.Fd()), one[:])
			return true, nil
		})
		looked <- err
		return all, err
	})
	if _, err := os.Stat(released); err == nil || inTime {
		t.Error("the deadline could not pass")
	}
	_, err = writer.Write(make([]byte, 1000))
	must.Do(t, err)
	must.Do(t, <-looked)
}

// A link may be longer than the buffer it is read into.
func TestExeLinkOfAnyLength(t *testing.T) {
	dir := t.TempDir()
	proc, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	must.Do(t, err)
	defer unix.Close(proc)
	for i, length := range []int{1, 15, 16, 17, 31, 32, 33, 4000} {
		want := strings.Repeat("x", length)
		must.Do(t, os.MkdirAll(fmt.Sprintf("%s/%d", dir, i), 0o755))
		must.Do(t, os.Symlink(want, fmt.Sprintf("%s/%d/exe", dir, i)))
		var short [16]byte
		if got, err := ExeLink(proc, i, short[:]); err != nil || string(got) != want {
			t.Errorf("of %d bytes: got %d, %v", length, len(got), err)
		}
	}
	if _, err := ExeLink(proc, 99, make([]byte, 16)); !fact.Vanished(err) {
		t.Errorf("of nobody: %v", err)
	}
}

func FuzzEachNumber(f *testing.F) {
	f.Add([]byte("inodeinooffsetof\x18\x00\x04123\x00\x00"))
	f.Add([]byte("inodeinooffsetof\x18\x00\x041a3\x00\x00"))
	f.Add([]byte("inodeinooffsetof\x00\x00\x04123\x00\x00"))
	f.Fuzz(func(t *testing.T, entries []byte) {
		eachNumber(entries, func(pid int) {
			if pid < 1 || pid > fact.PIDMax || !strings.Contains(string(entries), strconv.Itoa(pid)) {
				t.Fatalf("%d is not in %q", pid, entries)
			}
		})
	})
}
