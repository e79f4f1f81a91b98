package kernel

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/testdata/must"
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
