package kernel

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/testdata/must"
	"pidproof/testdata/need"
)

// One user's descriptors are looked at up to a limit, and the first ones of each process beyond it: there is what a daemon
// listens on.
func TestDescriptorsOfUser(t *testing.T) {
	listens, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	must.Do(t, err)
	defer unix.Close(listens)
	must.Do(t, unix.Bind(listens, &unix.SockaddrUnix{})) // the kernel finds an address, unix(7)
	must.Do(t, unix.Listen(listens, 1))
	for range descriptorsAnyway + 1 {
		further, err := unix.Dup(0)
		must.Do(t, err)
		defer unix.Close(further)
	}
	h := ThisSystem()
	_, looked := h.allowance(os.Getpid())
	looked(descriptorsOfUser - 1000)
	for _, want := range []error{nil, fact.ErrManyDescriptors} {
		held, _, err := h.heldSockets(os.Getpid())
		if !errors.Is(err, want) {
			t.Errorf("%d sockets are held: %v, want %v", len(held), err, want)
		}
		if got := h.Listening(os.Getpid()); got.State != fact.Known || len(got.Value) == 0 {
			t.Errorf("behind %v: %+v", want, got)
		}
		looked(descriptorsOfUser)
	}
}

// On a busy host, with twenty processes for two processors, root's list was still at the descriptors of one user when its
// time was over.
func TestTimeForDescriptors(t *testing.T) {
	need.Root(t)
	users := exec.Command("sleep", "600")
	users.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	must.Do(t, users.Start())
	t.Cleanup(func() { _ = users.Process.Kill(); _ = users.Wait() })
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	h := ThisSystem()
	_, _, inTime := Within(ctx, h, func() (struct{}, error) {
		for _, spent := range []struct {
			time time.Duration
			want error
		}{{0, nil}, {time.Hour / 8, nil}, {time.Hour / 2, fact.ErrManyDescriptors}} {
			h.descriptors.time = spent.time
			if _, _, err := h.heldSockets(users.Process.Pid); !errors.Is(err, spent.want) {
				t.Errorf("after %v a user's are %v, want %v", spent.time, err, spent.want)
			}
			if took := h.descriptors.time - spent.time; (took > 0) != (spent.want == nil) {
				t.Errorf("after %v a user's took %v", spent.time, took)
			}
			if may, _ := h.mayReadTables([]int{users.Process.Pid}); may != (spent.want == nil) {
				t.Errorf("after %v a user's tables may be read: %t", spent.time, may)
			}
			if _, _, err := h.heldSockets(os.Getpid()); err != nil { // root's
				t.Errorf("after %v root's are %v", spent.time, err)
			}
		}
		return struct{}{}, nil
	})
	if !inTime {
		t.Error("no answer in time")
	}
}
