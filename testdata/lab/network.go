package lab

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/testdata/waiting"
)

// Get fetches a page from a server in the host, over the host's own loopback. A status other than 200 is an error.
func (h *Host) Get(url string) (string, error) {
	client := http.Client{
		Timeout: waiting.Limit,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, network, address string) (conn net.Conn, err error) {
				err = h.inNetwork(func() error {
					conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
					return err
				})
				return conn, err
			},
		},
	}
	answer, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", url, answer.Status)
	}
	page, err := io.ReadAll(answer.Body)
	return string(page), err
}

// dial connects to a server in the host, for as long as the connection may take in all.
func (h *Host) dial(address string, patience time.Duration) (conn net.Conn, err error) {
	err = h.inNetwork(func() error {
		conn, err = net.DialTimeout("tcp", address, patience)
		return err
	})
	if err == nil {
		err = conn.SetDeadline(time.Now().Add(patience))
	}
	return conn, err
}

// loopbackUp does "ip link set lo up", for machines without iproute2. netdevice(7)
func (h *Host) loopbackUp() error {
	return h.inNetwork(func() error {
		socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(socket)
		request, err := unix.NewIfreq("lo")
		if err != nil {
			return err
		}
		request.SetUint16(unix.IFF_UP | unix.IFF_LOOPBACK | unix.IFF_RUNNING)
		return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request)
	})
}

// inNetwork runs do in the host's network namespace. That belongs to a thread, and a socket keeps the one it was made in.
func (h *Host) inNetwork(do func() error) error {
	return elsewhere(func() error {
		if err := unix.Setns(int(h.netns.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("entering the host's network: %w", err)
		}
		return do()
	})
}

// inSmallNetwork runs do where a network namespace that is made has room for a thousand connections, as on a small
// machine. Whoever reads /proc/net/tcp has the kernel go through all of its table, which is else that of all namespaces, a
// quarter of a million places long: 5 ms, in which pidproof asks nothing else.
func inSmallNetwork(do func() error) error {
	return elsewhere(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("making a network: %w", err)
		}
		_ = os.WriteFile("/proc/sys/net/ipv4/tcp_child_ehash_entries", []byte("1024"), 0) // before Linux 6.1 it stays long
		return do()
	})
}

// elsewhere runs do in a thread that returns to its network namespace.
func elsewhere(do func() error) error {
	runtime.LockOSThread()
	own, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer own.Close()
	err = do()
	if back := unix.Setns(int(own.Fd()), unix.CLONE_NEWNET); back != nil {
		return fmt.Errorf("leaving the host's network: %w", back) // still locked: the thread ends with this goroutine
	}
	runtime.UnlockOSThread()
	return err
}
