package matcher

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
)

// Socket is one that a process listens on: who starts a second daemon finds
// its port taken.
type Socket struct {
	Kind    string // tcp, tcp6, udp, udp6, unix
	Address string // 127.0.0.1:80, [::]:53, /run/foo.sock
}

func (s Socket) String() string { return s.Kind + " " + s.Address }

const (
	tcpListen   = 0x0a // TCP_LISTEN, include/net/tcp_states.h
	udpUnbound  = 0x07 // TCP_CLOSE: a UDP socket that is bound, not connected
	socketInode = "socket:["
)

// listening reads which of its open sockets a process listens on: /proc/PID/fd
// against the tables of its own network namespace, /proc/PID/net.
func (h *host) listening(pid int) Fact[[]Socket] {
	dir := filepath.Join(h.proc, strconv.Itoa(pid))
	h.doing("reading %s/fd", dir)
	held, err := heldSockets(filepath.Join(dir, "fd"))
	if err != nil {
		return failed[[]Socket](err)
	}
	if len(held) == 0 {
		return known([]Socket(nil))
	}
	h.doing("reading %s/net", dir)
	fs, err := procfs.NewFS(dir)
	if err != nil {
		return failed[[]Socket](err)
	}
	listeners, err := listeners(fs)
	if err != nil {
		return failed[[]Socket](err)
	}
	var out []Socket
	for _, l := range listeners {
		if held[l.inode] {
			out = append(out, l.Socket)
		}
	}
	return known(out)
}

func heldSockets(fdDir string) (map[uint64]bool, error) {
	fds, err := os.ReadDir(fdDir)
	if err != nil {
		return nil, err
	}
	held := map[uint64]bool{}
	for _, fd := range fds {
		target, err := os.Readlink(filepath.Join(fdDir, fd.Name()))
		if vanished(err) { // closed since
			continue
		}
		if err != nil {
			return nil, err
		}
		number, found := strings.CutPrefix(target, socketInode)
		if !found {
			continue
		}
		if ino, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 64); err == nil {
			held[ino] = true
		}
	}
	return held, nil
}

type listener struct {
	Socket
	inode uint64
}

// listeners are all listening sockets of one network namespace. A table that
// is not there (a kernel without IPv6) is empty.
func listeners(fs procfs.FS) ([]listener, error) {
	var out []listener
	inet := func(kind string, state uint64, table procfs.NetTCP, err error) error {
		if err != nil && !vanished(err) {
			return fmt.Errorf("net/%s: %w", kind, err)
		}
		for _, l := range table {
			if l.St == state && l.RemPort == 0 {
				address := l.LocalAddr.String()
				if strings.Contains(address, ":") {
					address = "[" + address + "]"
				}
				out = append(out, listener{Socket{kind, address + ":" + strconv.FormatUint(l.LocalPort, 10)}, l.Inode})
			}
		}
		return nil
	}
	tcp, err := fs.NetTCP()
	if err := inet("tcp", tcpListen, tcp, err); err != nil {
		return nil, err
	}
	tcp6, err := fs.NetTCP6()
	if err := inet("tcp6", tcpListen, tcp6, err); err != nil {
		return nil, err
	}
	udp, err := fs.NetUDP()
	if err := inet("udp", udpUnbound, procfs.NetTCP(udp), err); err != nil {
		return nil, err
	}
	udp6, err := fs.NetUDP6()
	if err := inet("udp6", udpUnbound, procfs.NetTCP(udp6), err); err != nil {
		return nil, err
	}
	unix, err := fs.NetUNIX()
	if err != nil {
		if vanished(err) {
			return out, nil
		}
		return nil, fmt.Errorf("net/unix: %w", err)
	}
	for _, l := range unix.Rows {
		if l.Flags == acceptsConnections {
			out = append(out, listener{Socket{"unix", l.Path}, l.Inode})
		}
	}
	return out, nil
}

// acceptsConnections is __SO_ACCEPTCON, include/uapi/linux/net.h.
const acceptsConnections = 1 << 16
