package kernel

import (
	"encoding/binary"
	"math"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

// Of linux/unix_diag.h.
const (
	unixDiagNamed  = 1        // UDIAG_SHOW_NAME
	unixDiagName   = 0        // UNIX_DIAG_NAME
	unixDiagHead   = 16       // struct unix_diag_msg: family, type, state, padding, inode, cookie
	unixDiagAnswer = 32 << 10 // of more the kernel makes several (netlink_dump in net/netlink/af_netlink.c)
	unixDiagWhole  = 3 << 10  // after so much there is room in the first for one more socket (NLMSG_GOODSIZE)
)

// unixListeners are the listening unix sockets of a process's network namespace that are asked for, by sock_diag(7).
// The text of /proc/PID/net/unix has each user's names as they are: one with a newline in it makes a line that says
// of another's socket what he likes. And it has all sockets, of which a user may hold hundreds of thousands; here the
// kernel looks for the listening ones. Of those that it tells in parts one may be missing, see listensByInode.
//
// It is an error where the kernel has no CONFIG_UNIX_DIAG, or where it is not allowed.
func unixListeners(dir string, of func(inode uint64) bool) (out []listener, inParts bool, err error) {
	fd, err := diagSocket(dir)
	if err != nil {
		return nil, false, err
	}
	defer unix.Close(fd)
	// To the kernel, as nobody else is named (netlink_sendmsg).
	if _, err := Retried(func() (int, error) { return unix.Write(fd, unixDiagRequest(unix.NLM_F_DUMP, 0)) }); err != nil {
		return nil, false, err
	}
	buffer := make([]byte, unixDiagAnswer)
	for {
		// There is nothing to wait for: the kernel has written the next part before it hands out one.
		n, err := Retried(func() (int, error) { return unix.Read(fd, buffer) })
		if err != nil {
			return nil, false, err
		}
		found, done, err := parseUnixDiag(buffer[:n])
		if err != nil {
			return nil, false, err
		}
		for _, l := range found {
			if of(l.inode) {
				out = append(out, l)
			}
		}
		inParts = inParts || n > unixDiagWhole
		if done {
			return out, inParts, nil
		}
	}
}

// listensByInode asks for each of a process's sockets whether it is a unix socket that listens. Of a table that is told in
// parts the kernel goes on at the place that it has counted to (unix_diag_dump in net/unix/diag.c): who has sockets of
// the same hash, and closes some meanwhile, has it pass over another's. One by one it costs up to a tenth of a second
// beside hundreds of thousands, so that it goes on the account of the process's user.
func (h *System) listensByInode(pid int, dir string, held map[uint64]bool) (out []fact.Socket, err error) {
	fd, err := diagSocket(dir)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	buffer := make([]byte, 4096)
	for inode := range held {
		most, looked := h.allowance(pid)
		if most == 0 {
			return out, fact.ErrManyDescriptors
		}
		n := 0
		if _, err = Retried(func() (int, error) { return unix.Write(fd, unixDiagRequest(0, inode)) }); err == nil {
			n, err = Retried(func() (int, error) { return unix.Read(fd, buffer) })
		}
		looked(0)
		if err != nil {
			return out, err
		}
		found, _, err := parseUnixDiag(buffer[:n])
		if err != nil && err != unix.ENOENT { // another's kind, or it was closed
			return out, err
		}
		for _, l := range found {
			out = append(out, l.Socket)
		}
	}
	return out, nil
}

// unixDiagRequest is a struct nlmsghdr and a struct unix_diag_req: all sockets that listen, or that of an inode, and
// their names.
func unixDiagRequest(flags uint16, inode uint64) (request []byte) {
	to := binary.NativeEndian
	const size = unix.SizeofNlMsghdr + 24
	request = to.AppendUint32(request, size)
	request = to.AppendUint16(request, unix.SOCK_DIAG_BY_FAMILY)
	request = to.AppendUint16(request, unix.NLM_F_REQUEST|flags)
	request = append(request, make([]byte, 8)...) // sequence number and sender
	request = append(request, unix.AF_UNIX, 0, 0, 0)
	request = to.AppendUint32(request, 1<<tcpListen)
	request = to.AppendUint32(request, uint32(inode))
	request = to.AppendUint32(request, unixDiagNamed)
	return to.AppendUint64(request, math.MaxUint64) // whatever its cookie is
}

// parseUnixDiag reads one answer; done is true of the last.
func parseUnixDiag(answer []byte) (found []listener, done bool, err error) {
	messages, err := syscall.ParseNetlinkMessage(answer)
	if err != nil || len(messages) == 0 {
		return nil, false, unix.EBADMSG
	}
	for _, m := range messages {
		switch m.Header.Type {
		case unix.NLMSG_DONE, unix.NLMSG_ERROR: // each begins with a negative error number, or 0
			if len(m.Data) < 4 {
				return nil, false, unix.EBADMSG
			}
			if code := int32(binary.NativeEndian.Uint32(m.Data)); code < 0 {
				return nil, false, unix.Errno(-code)
			}
			return found, true, nil
		case unix.SOCK_DIAG_BY_FAMILY:
			l, ok := parseUnixDiagSocket(m.Data)
			if !ok {
				return nil, false, unix.EBADMSG
			}
			if m.Data[2] == tcpListen {
				found = append(found, l)
			}
		}
	}
	return found, false, nil
}

// parseUnixDiagSocket reads a struct unix_diag_msg and the attributes behind it.
func parseUnixDiagSocket(data []byte) (l listener, ok bool) {
	from := binary.NativeEndian
	if len(data) < unixDiagHead {
		return l, false
	}
	l = listener{fact.Socket{Kind: "unix"}, uint64(from.Uint32(data[4:]))}
	for rest := data[unixDiagHead:]; len(rest) >= unix.SizeofNlAttr; {
		size := int(from.Uint16(rest))
		if size < unix.SizeofNlAttr || size > len(rest) {
			return l, false
		}
		if from.Uint16(rest[2:]) == unixDiagName {
			l.Address = unixAddress(string(rest[unix.SizeofNlAttr:size]))
		}
		aligned := (size + unix.NLA_ALIGNTO - 1) &^ (unix.NLA_ALIGNTO - 1)
		rest = rest[min(aligned, len(rest)):]
	}
	return l, true
}

// unixAddress is a name as /proc/net/unix has it: a path ends with a NUL, and an abstract name begins with one.
func unixAddress(name string) string {
	if path, is := strings.CutSuffix(name, "\x00"); is && !strings.HasPrefix(name, "\x00") {
		return path
	}
	return strings.ReplaceAll(name, "\x00", "@")
}

// diagSocket is a socket to ask with in the network namespace of a process, by its directory in /proc.
func diagSocket(dir string) (fd int, err error) {
	open := func() {
		fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_SOCK_DIAG)
	}
	its, ours := ReadLink(filepath.Join(dir, "ns/net")), ReadLink("/proc/self/ns/net")
	if its.State == fact.Known && its == ours {
		open()
		return fd, err
	}
	there, err := openNamespace(filepath.Join(dir, "ns/net"))
	if err != nil {
		return -1, err
	}
	defer unix.Close(there)
	here, err := openNamespace("/proc/self/ns/net")
	if err != nil {
		return -1, err
	}
	defer unix.Close(here)
	onThread(func() (restored bool) {
		if err = unix.Setns(there, unix.CLONE_NEWNET); err != nil {
			return true
		}
		open()
		return unix.Setns(here, unix.CLONE_NEWNET) == nil
	})
	return fd, err
}

func openNamespace(path string) (fd int, err error) {
	return Retried(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
}

// onThread has a thread do what changes it. Should it not be as before, it serves nobody else, as in AsItsUser. It is
// never the first, of which /proc/self speaks.
func onThread(do func() (restored bool)) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			onThread(do)
		} else if !do() {
			return
		}
		runtime.UnlockOSThread()
	}()
	<-done
}
