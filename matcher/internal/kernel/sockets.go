package kernel

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

const (
	tcpListen   = 0x0a // TCP_LISTEN, include/net/tcp_states.h
	udpUnbound  = 0x07 // TCP_CLOSE: a UDP socket that is bound, not connected
	socketInode = "socket:["
)

// tcpConnected are ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT and LAST_ACK.
var tcpConnected = []uint64{1, 4, 5, 8, 9}

// Listening reads which of its open sockets a process listens on: /proc/PID/fd
// against the tables of its own network namespace, /proc/PID/net and sock_diag(7).
func (h *System) Listening(pid int) fact.Fact[[]fact.Socket] {
	held, dir, heldErr := h.heldSockets(pid)
	if heldErr != nil && !errors.Is(heldErr, fact.ErrManyDescriptors) {
		return fact.Failed[[]fact.Socket](heldErr)
	}
	var out []fact.Socket
	if len(held) > 0 {
		h.Doing("reading %s/net", dir)
		found, inParts, err := listeners(dir, func(inode uint64) bool { return held[inode] })
		if err != nil {
			return fact.Failed[[]fact.Socket](err)
		}
		for _, l := range found {
			out = append(out, l.Socket)
		}
		if len(out) == 0 {
			missed, err := missedListeners(dir, func(inode uint64) bool { return held[inode] })
			for _, l := range missed {
				out = append(out, l.Socket)
			}
			if len(out) == 0 && err == nil && inParts {
				out, err = h.listensByInode(pid, dir, held)
			}
			heldErr = cmp.Or(err, heldErr)
		}
	}
	return listensOn(out, heldErr)
}

// listensOn: where some were found it does not matter that not all were looked for.
func listensOn(found []fact.Socket, err error) fact.Fact[[]fact.Socket] {
	if err != nil && len(found) == 0 {
		return fact.Failed[[]fact.Socket](err)
	}
	return fact.Of(found)
}

// heldAtOnce is of how many sockets it is asked in one pass over the tables.
const heldAtOnce = 1 << 16

// ListeningOf is Listening of many processes: the tables of a network namespace, which may be
// long, are read once for all that live in it.
func (h *System) ListeningOf(pids []int) map[int]fact.Fact[[]fact.Socket] {
	out := make(map[int]fact.Fact[[]fact.Socket], len(pids))
	byNamespace := map[string][]int{}
	var namespaces []string
	for _, pid := range pids {
		ns := ReadLink(filepath.Join(h.Proc, strconv.Itoa(pid), "ns/net"))
		if ns.State != fact.Known {
			out[pid] = h.Listening(pid)
			continue
		}
		if byNamespace[ns.Value] == nil {
			namespaces = append(namespaces, ns.Value)
		}
		byNamespace[ns.Value] = append(byNamespace[ns.Value], pid)
	}
	ours := ReadLink(filepath.Join(h.Proc, "self/ns/net")).Value
	for _, ns := range namespaces {
		of := byNamespace[ns]
		may, read := true, func() {}
		if ns != ours {
			may, read = h.mayReadTables(of)
		}
		if !may {
			for _, pid := range of {
				out[pid] = fact.Failed[[]fact.Socket](fact.ErrManyDescriptors)
			}
			continue
		}
		holders, first := map[uint64][]int{}, 0
		for i, pid := range of {
			held, _, err := h.heldSockets(pid)
			if out[pid] = listensOn(nil, err); err != nil && !errors.Is(err, fact.ErrManyDescriptors) {
				held = nil
			}
			for inode := range held {
				holders[inode] = append(holders[inode], pid)
			}
			if i < len(of)-1 && len(holders) < heldAtOnce {
				continue
			}
			h.shareListeners(ns == ours, holders, of[first:i+1], out)
			holders, first = map[uint64][]int{}, i+1
		}
		read()
	}
	return out
}

// shareListeners gives each of pids, which are of one network namespace, what it holds.
func (h *System) shareListeners(ours bool, holders map[uint64][]int, pids []int, out map[int]fact.Fact[[]fact.Socket]) {
	if len(holders) == 0 {
		return
	}
	const tries = 8
	from := make([]string, 0, tries) // any of them may have ended meanwhile
	if ours {
		from = append(from, "self")
	}
	for i := len(pids) - 1; i >= 0 && len(from) < tries; i-- {
		from = append(from, strconv.Itoa(pids[i]))
	}
	var err error
	for _, process := range from {
		dir := filepath.Join(h.Proc, process)
		h.Doing("reading %s/net", dir)
		var all []listener
		var inParts bool
		if all, inParts, err = listeners(dir, func(inode uint64) bool { return holders[inode] != nil }); err == nil {
			for _, l := range all {
				for _, pid := range holders[l.inode] {
					out[pid] = fact.Of(append(out[pid].Value, l.Socket))
				}
			}
			h.shareMissed(dir, holders, inParts, out)
			return
		}
	}
	if fact.Vanished(err) { // who ends all the time
		err = fact.ErrManyDescriptors
	}
	for i, pid := range pids { // some are asked for themselves
		if out[pid] = fact.Failed[[]fact.Socket](err); i < tries {
			out[pid] = h.Listening(pid)
		}
	}
}

// shareMissed looks again for what those listen on of which nothing was found.
func (h *System) shareMissed(dir string, holders map[uint64][]int, inParts bool, out map[int]fact.Fact[[]fact.Socket]) {
	silent := map[int]map[uint64]bool{}
	for inode, pids := range holders {
		for _, pid := range pids {
			if len(out[pid].Value) > 0 || out[pid].State != fact.Known {
				continue
			}
			if silent[pid] == nil {
				silent[pid] = map[uint64]bool{}
			}
			silent[pid][inode] = true
		}
	}
	if len(silent) == 0 {
		return
	}
	missed, err := missedListeners(dir, func(inode uint64) bool {
		return slices.ContainsFunc(holders[inode], func(pid int) bool { return silent[pid] != nil })
	})
	for pid, held := range silent {
		var found []fact.Socket
		for _, l := range missed {
			if held[l.inode] {
				found = append(found, l.Socket)
			}
		}
		unread := err
		if len(found) == 0 && unread == nil && inParts {
			found, unread = h.listensByInode(pid, dir, held)
		}
		out[pid] = listensOn(found, unread)
	}
}

type listener struct {
	fact.Socket
	inode uint64
}

// listeners are the listening sockets of one network namespace whose inode is asked for.
// Where there is no table at all the process has ended, and its directory says nothing of
// others in its network namespace any more; a single one is not there on a kernel without
// IPv6. procfs holds a table whole, reads those of our own namespace or of /proc/self only,
// and gives up at the first line that it does not understand. inParts: a unix socket may be missing, which the kernel
// can be asked for by itself.
func listeners(dir string, of func(inode uint64) bool) (out []listener, inParts bool, err error) {
	tables := 0
	read := func(kind string, parse func(line []byte) (listener, bool)) error {
		err := readTable(filepath.Join(dir, "net", kind), func(line []byte) {
			if l, is := parse(line); is && of(l.inode) {
				out = append(out, l)
			}
		})
		if fact.Vanished(err) {
			return nil
		}
		tables++
		return err
	}
	for _, table := range []struct {
		kind  string
		state uint64
	}{{"tcp", tcpListen}, {"tcp6", tcpListen}, {"udp", udpUnbound}, {"udp6", udpUnbound}} {
		err := read(table.kind, func(line []byte) (listener, bool) { return parseInet(table.kind, table.state, line) })
		if err != nil {
			return nil, false, err
		}
	}
	if local, inParts, err := unixListeners(dir, of); err == nil {
		return append(out, local...), inParts, nil
	}
	if err := read("unix", parseUnix); err != nil {
		return nil, false, err
	}
	if tables == 0 {
		return nil, false, &fs.PathError{Op: "read", Path: filepath.Join(dir, "net"), Err: unix.ESRCH}
	}
	return out, false, nil
}

// Connected reads from which local ports a process has TCP connections, of so many that it may
// have not all.
func (h *System) Connected(pid int) (ports []uint16, err error) {
	held, dir, err := h.heldSockets(pid)
	if err != nil && !errors.Is(err, fact.ErrManyDescriptors) || len(held) == 0 {
		return nil, err
	}
	h.Doing("reading %s/net", dir)
	for _, kind := range []string{"tcp", "tcp6"} {
		err := readTable(filepath.Join(dir, "net", kind), func(line []byte) {
			for _, state := range tcpConnected {
				if c, is := parseInet(kind, state, line); is && held[c.inode] {
					if at, err := netip.ParseAddrPort(c.Address); err == nil {
						ports = append(ports, at.Port())
					}
				}
			}
		})
		if err != nil && !fact.Vanished(err) { // none of a kernel without IPv6
			return nil, err
		}
	}
	return ports, nil
}

// parseUnix tells of a line of /proc/PID/net/unix whether its socket accepts connections:
// field 4 holds the flags, 7 the inode, and the path is the rest of the line. A
// path may hold a newline, so a line that is none is passed over, and one may be false (unixListeners).
func parseUnix(line []byte) (l listener, accepts bool) {
	f := strings.SplitN(strings.Join(strings.Fields(string(line)), " "), " ", 8)
	if len(f) < 7 {
		return l, false
	}
	flags, err1 := strconv.ParseUint(f[3], 16, 32)
	ino, err2 := strconv.ParseUint(f[6], 10, 64)
	return listener{fact.Socket{Kind: "unix", Address: strings.Join(f[7:], "")}, ino}, err1 == nil && err2 == nil && flags&acceptsConnections != 0
}

// parseInet tells of a line of /proc/PID/net/{tcp,udp}{,6} (proc_pid_net(5)) whether its
// socket is in one state, which has a peer only if that is one of tcpConnected: fields 2
// and 3 are addresses, 4 the state, 8 the user who made it (sock_i_uid), 10 the inode.
func parseInet(kind string, state uint64, line []byte) (l listener, is bool) {
	f := strings.Fields(string(line))
	if len(f) < 10 || strings.HasSuffix(f[2], ":0000") == slices.Contains(tcpConnected, state) {
		return l, false
	}
	st, err := strconv.ParseUint(f[3], 16, 8)
	local, ok := parseInetAddress(f[1])
	ino, err2 := strconv.ParseUint(f[9], 10, 64)
	return listener{fact.Socket{Kind: kind, Address: local.String(), Roots: f[7] == "0"}, ino}, err == nil && err2 == nil && ok && st == state
}

// parseInetAddress reads 0100007F:1F90 as 127.0.0.1:8080: the address is printed
// as 32-bit words in the machine's own byte order (net/ipv4/tcp_ipv4.c).
func parseInetAddress(s string) (netip.AddrPort, bool) {
	address, port, _ := strings.Cut(s, ":")
	raw, err := hex.DecodeString(address)
	if err != nil {
		return netip.AddrPort{}, false
	}
	number, err := strconv.ParseUint(port, 16, 16)
	if err != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	ip, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(ip, uint16(number)), ok
}

// acceptsConnections is __SO_ACCEPTCON, include/uapi/linux/net.h.
const acceptsConnections = 1 << 16

// Listeners are all sockets that are listened on in our network namespace
// (/proc/self/net), whoever does.
func Listeners() (out []fact.Socket, err error) {
	all, _, err := listeners("/proc/self", func(uint64) bool { return true })
	for _, l := range all {
		out = append(out, l.Socket)
	}
	return out, err
}

// ServesAt is the local address of the TCP connection that a process has as standard
// input, as inetd(8) starts one for a client; ok is false where it has none.
func ServesAt(pid int) (local netip.AddrPort, ok bool, err error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	target, err := os.Readlink(filepath.Join(dir, "fd/0"))
	if err != nil {
		return local, false, fact.Unforeseen(err)
	}
	number, isSocket := strings.CutPrefix(target, socketInode)
	inode, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 64)
	if !isSocket || err != nil {
		return local, false, nil
	}
	for _, kind := range []string{"tcp", "tcp6"} {
		address := ""
		err := readTable(filepath.Join(dir, "net", kind), func(line []byte) {
			for _, state := range tcpConnected {
				if s, is := parseInet(kind, state, line); is && s.inode == inode {
					address = s.Address
				}
			}
		})
		if err := fact.Unforeseen(err); err != nil { // none of a kernel without IPv6
			return local, false, err
		}
		if address != "" {
			local, err = netip.ParseAddrPort(address)
			return local, err == nil, nil
		}
	}
	return local, false, nil
}
