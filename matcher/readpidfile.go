package matcher

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// A pidfile younger than this and still empty is just being written.
	freshPidfile = time.Second
	// How long to wait for its writer, and how often to look.
	writerPatience = 200 * time.Millisecond
	writerPoll     = 5 * time.Millisecond
)

// readPidfile reads a pidfile without ever blocking on what lies at its path.
func (h *host) readPidfile(ctx context.Context, path string) Pidfile {
	p := h.readPidfileOnce(path)
	until := h.now().Add(writerPatience)
	for beingWritten(p, h.now()) && h.now().Before(until) {
		select {
		case <-ctx.Done():
			return p
		case <-time.After(writerPoll):
		}
		p = h.readPidfileOnce(path)
	}
	return p
}

func beingWritten(p Pidfile, now time.Time) bool {
	age := now.Sub(p.Written)
	return p.State == PidfileGarbage && p.size == 0 && age >= 0 && age < freshPidfile
}

func (h *host) readPidfileOnce(path string) Pidfile {
	p := Pidfile{Path: path, State: PidfileAbsent}
	h.doing("opening %s", path)
	fd, linkOwners, err := openFollowing(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.Why = danglingStory(path)
		return p
	case err != nil:
		return failedPidfile(p, err)
	}
	defer unix.Close(fd)
	p.LinkOwners = linkOwners
	return h.readOpenedPidfile(p, fd)
}

// readOpenedPidfile reads the file that fd, opened with O_PATH, stands for. Going through
// /proc/self/fd opens that very file again, whatever its path leads to by now.
func (h *host) readOpenedPidfile(p Pidfile, fd int) Pidfile {
	p, regular := statPidfile(p, fd)
	if !regular {
		return p
	}
	h.doing("reading %s", p.Path)
	opened, err := retried(func() (int, error) {
		return unix.Open("/proc/self/fd/"+strconv.Itoa(fd), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return failedPidfile(p, err)
	}
	defer unix.Close(opened)
	return readContent(p, opened)
}

// describe reads of the file that fd stands for what stat(2) says. It is false for what
// is no regular file, and then says what that makes of the pidfile.
func statPidfile(p Pidfile, fd int) (_ Pidfile, regular bool) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return failedPidfile(p, err), false
	}
	if st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == unix.Mkdev(1, 3) {
		p.State, p.Why = PidfileAbsent, "it is /dev/null"
		return p, false
	}
	if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFREG {
		return unusablePidfile(p, "it is "+kindName(kind)+", not a regular file"), false
	}
	p.Owner, p.Group = int(st.Uid), int(st.Gid)
	p.Mode = fs.FileMode(st.Mode & 0o7777)
	p.HardLinks = uint64(st.Nlink)
	p.ID = FileID{Dev: uint64(st.Dev), Ino: st.Ino}
	p.Written = time.Unix(st.Mtim.Unix())
	return p, true
}

// read reads the content of the file that was opened, and who else may write it.
func readContent(p Pidfile, opened int) Pidfile {
	content, acl, err := readOpened(opened)
	if err != nil {
		return failedPidfile(p, err)
	}
	p.ACLWriter = aclWriter(acl)
	p.size = len(content)
	if p.PID, p.Rest, err = ParsePID(content); err != nil {
		p.State, p.Why = PidfileGarbage, strings.TrimPrefix(err.Error(), ErrNoPID.Error()+": ")
		return p
	}
	p.State = PidfileNames
	return p
}

func failedPidfile(p Pidfile, err error) Pidfile {
	p.err = err
	return unusablePidfile(p, plain(err))
}

func unusablePidfile(p Pidfile, why string) Pidfile {
	p.State, p.Why = PidfileUnusable, why
	return p
}

// readOpened reads the beginning of a file.
func readOpened(opened int) (content, acl []byte, err error) {
	buffer := procBuffers.Get().(*[]byte)
	defer procBuffers.Put(buffer)
	list := *buffer
	attribute := func() (int, error) {
		return retried(func() (int, error) { return unix.Fgetxattr(opened, "system.posix_acl_access", list) })
	}
	n, err := attribute()
	if err == unix.ERANGE {
		list = make([]byte, 1<<16) // XATTR_SIZE_MAX of include/uapi/linux/limits.h
		n, err = attribute()
	}
	switch err {
	case nil:
		acl = slices.Clone(list[:n])
	case unix.ENODATA, unix.EOPNOTSUPP, unix.ENOSYS, unix.EPERM: // none, as a rule; none to be had here
	case unix.ERANGE:
		return nil, nil, errors.New("its access control list is too long")
	default:
		return nil, nil, fmt.Errorf("its access control list: %w", err)
	}
	for size := 0; ; {
		n, err := retried(func() (int, error) { return unix.Read(opened, (*buffer)[size:pidfileLimit]) })
		if err != nil {
			return nil, nil, err
		}
		if size += n; n == 0 || size == pidfileLimit {
			return slices.Clone((*buffer)[:size]), acl, nil
		}
	}
}

// aclWriter reads the extended attribute system.posix_acl_access
// (include/uapi/linux/posix_acl_xattr.h): four bytes of version, then entries of
// tag, permissions and id. It reports that one names a user or group who may
// write, as far as the mask lets him.
func aclWriter(acl []byte) bool {
	const version, entry, write, user, group, mask = 4, 8, 2, 0x02, 0x08, 0x10
	named, masked := false, false
	for at := version; at+entry <= len(acl); at += entry {
		tag, perm := binary.LittleEndian.Uint16(acl[at:]), binary.LittleEndian.Uint16(acl[at+2:])
		switch {
		case (tag == user || tag == group) && perm&write != 0:
			named = true
		case tag == mask && perm&write == 0:
			masked = true
		}
	}
	return named && !masked
}

// danglingStory says where a link that leads nowhere points, "" for no link.
func danglingStory(path string) string {
	target, err := os.Readlink(path)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("it is a link to %s, which does not exist", target)
}

func kindName(mode uint32) string {
	switch mode {
	case unix.S_IFIFO:
		return "a FIFO"
	case unix.S_IFDIR:
		return "a directory"
	case unix.S_IFSOCK:
		return "a socket"
	case unix.S_IFCHR, unix.S_IFBLK:
		return "a device"
	}
	return "of an unknown kind"
}
