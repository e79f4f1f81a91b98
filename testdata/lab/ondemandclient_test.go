package lab

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// load is a client that connects to a service in the host again and again, until the test ends.
type load struct {
	*Host
	address string
	stop    chan struct{}
	ended   chan struct{}

	mu    sync.Mutex
	tried []attempt
}

// attempt is one connection: answered, refused, or given up.
type attempt struct {
	began  time.Time // before the connection was asked for
	pid    int       // 0 if nobody answered
	module string    // "old old", "new new", or a mix
}

// clientPatience bounds one attempt: a socket may take the connection, and nobody may ever answer.
const clientPatience = 3 * time.Second

func newLoad(t *testing.T, h *Host, address string) *load {
	t.Helper()
	l := &load{Host: h, address: address, stop: make(chan struct{}), ended: make(chan struct{})}
	server, err := netip.ParseAddrPort(address)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(l.ended)
		// All the time in the host's network, and without the runtime's poller: to go there and back for each of fifty
		// clients a second was half of what this process does.
		if err := h.inNetwork(func() error { l.connectAgain(server); return nil }); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		close(l.stop)
		<-l.ended
	})
	return l
}

func (l *load) connectAgain(server netip.AddrPort) {
	const pace = 20 * time.Millisecond // a load, not an attack: the machine is shared
	for {
		a := connect(server)
		l.mu.Lock()
		l.tried = append(l.tried, a)
		l.mu.Unlock()
		select {
		case <-l.stop:
			return
		case <-time.After(max(pace-time.Since(a.began), time.Since(a.began))): // where each client starts a process, too
		}
	}
}

func connect(server netip.AddrPort) attempt {
	a := attempt{began: time.Now()}
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return a
	}
	defer unix.Close(socket)
	patience := unix.NsecToTimeval(clientPatience.Nanoseconds())
	err = errors.Join(
		unix.SetsockoptTimeval(socket, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &patience), // of connect, too: socket(7)
		unix.SetsockoptTimeval(socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience),
	)
	if err == nil {
		err = uninterrupted(func() error {
			return unix.Connect(socket, &unix.SockaddrInet4{Addr: server.Addr().As4(), Port: int(server.Port())})
		})
	}
	if err != nil {
		return a
	}
	line := make([]byte, 0, 256)
	for len(line) < cap(line) && !bytes.HasSuffix(line, []byte("\n")) {
		var n int
		err := uninterrupted(func() (err error) {
			n, err = unix.Read(socket, line[len(line):cap(line)])
			return err
		})
		if err != nil || n == 0 {
			return a
		}
		line = line[:len(line)+n]
	}
	a.pid, a.module = parseAnswer(string(line))
	return a
}

// uninterrupted: the runtime's signals interrupt calls on sockets that have a time-out, signal(7).
func uninterrupted(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

// parseAnswer reads what moduled says.
func parseAnswer(line string) (pid int, modules string) {
	var first, second string
	if n, _ := fmt.Sscan(line, &pid, &first, &second); n != 3 {
		return 0, ""
	}
	return pid, first + " " + second
}

// after returns the attempts that began later than a moment and have ended.
func (l *load) after(moment time.Time) []attempt {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, a := range l.tried {
		if a.began.After(moment) {
			return slices.Clone(l.tried[i:])
		}
	}
	return nil
}

func served(attempts []attempt) []attempt {
	return slices.DeleteFunc(slices.Clone(attempts), func(a attempt) bool { return a.pid == 0 })
}

// answered waits for the first answer to a client that came after a moment.
func (l *load) answered(t *testing.T, moment time.Time) (first attempt) {
	t.Helper()
	eventually(t, "a client of "+l.address+" is served", func() bool {
		got := served(l.after(moment))
		if len(got) > 0 {
			first = got[0]
		}
		return len(got) > 0
	})
	return first
}

// nobodyServed requires that the next clients after a moment are not answered.
func (l *load) nobodyServed(t *testing.T, moment time.Time) {
	t.Helper()
	const clients = 50
	eventually(t, "clients of "+l.address+" have tried", func() bool { return len(l.after(moment)) >= clients })
	if got := served(l.after(moment)); len(got) > 0 {
		t.Errorf("%d clients were served after stop, the first %v later, by PID %d",
			len(got), got[0].began.Sub(moment), got[0].pid)
	}
}
