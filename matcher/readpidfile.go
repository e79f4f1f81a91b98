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

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
)

const (
	// A pidfile younger than this and still empty is just being written.
	freshPidfile = time.Second
	// How long to wait for its writer, and how often to look.
	writerPatience = 200 * time.Millisecond
	writerPoll     = 5 * time.Millisecond
)

// readPidfile reads a pidfile without ever blocking on what lies at its path.
func (h *host) readPidfile(ctx context.Context, path string) rules.Pidfile {
	return h.readPatiently(ctx, func() rules.Pidfile { return h.readPidfileOnce(path) })
}

// readPatiently reads a pidfile again that is just being written.
func (h *host) readPatiently(ctx context.Context, read func() rules.Pidfile) rules.Pidfile {
	p := read()
	until := h.Now().Add(writerPatience)
	for beingWritten(p, h.Now()) && h.Now().Before(until) {
		select {
		case <-ctx.Done():
			return p
		case <-time.After(writerPoll):
		}
		p = read()
	}
	return p
}

func beingWritten(p rules.Pidfile, now time.Time) bool {
	age := now.Sub(p.Written)
	return p.State == rules.PidfileGarbage && p.Size == 0 && age >= 0 && age < freshPidfile
}

func (h *host) readPidfileOnce(path string) rules.Pidfile {
	p := h.readOpening(path, kernel.OpenFollowing)
	if p.State == rules.PidfileAbsent && p.Why == "" {
		p.Why = danglingStory(path)
	}
	return p
}

// readEntering is readPidfileOnce for a path that a registration or an init script names,
// one of many: it enters no file system that may not answer, as the walk does not.
func (h *host) readEntering(path string) rules.Pidfile { return h.readOpening(path, h.OpenEntering) }

func (h *host) readOpening(path string, open func(path string) (fd int, linkOwners []int, err error)) rules.Pidfile {
	p := rules.Pidfile{Path: path, State: rules.PidfileAbsent}
	h.Doing("opening %s", path)
	fd, linkOwners, err := open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
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
func (h *host) readOpenedPidfile(p rules.Pidfile, fd int) rules.Pidfile {
	p, regular := h.statPidfile(p, fd)
	if !regular {
		return p
	}
	h.Doing("reading %s", p.Path)
	opened, err := kernel.Retried(func() (int, error) {
		return unix.Open("/proc/self/fd/"+strconv.Itoa(fd), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return failedPidfile(p, err)
	}
	defer unix.Close(opened)
	return readContent(p, opened)
}

// statPidfile reads of the file that fd stands for what stat(2) says. It is false for what
// is no regular file, and then says what that makes of the pidfile.
func (h *host) statPidfile(p rules.Pidfile, fd int) (_ rules.Pidfile, regular bool) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return failedPidfile(p, fact.OfOpened(err)), false
	}
	if st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == unix.Mkdev(1, 3) {
		p.State, p.Why = rules.PidfileAbsent, "it is /dev/null"
		return p, false
	}
	if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFREG {
		return unusablePidfile(p, "it is "+kindName(kind)+", not a regular file"), false
	}
	p.Owner, p.Group = int(st.Uid), int(st.Gid)
	p.Mode = fs.FileMode(st.Mode & 0o7777)
	p.HardLinks = uint64(st.Nlink)
	p.ID = fact.FileID{Dev: uint64(st.Dev), Ino: st.Ino}
	p.Written = time.Unix(st.Mtim.Unix())
	p.Ahead = p.Written.Sub(h.Now())
	return p, true
}

// read reads the content of the file that was opened, and who else may write it.
func readContent(p rules.Pidfile, opened int) rules.Pidfile {
	content, acl, err := readOpened(opened)
	if err != nil {
		return failedPidfile(p, fact.OfOpened(err))
	}
	p.ACLWriter = aclWriter(acl)
	p.Size = len(content)
	numbers, err := rules.ParsePID(content)
	switch {
	case errors.Is(err, rules.ErrTooMany):
		return unusablePidfile(p, err.Error())
	case err != nil:
		p.State, p.Why = rules.PidfileGarbage, strings.TrimPrefix(err.Error(), rules.ErrNoPID.Error()+": ")
		return p
	}
	p.State, p.PID, p.Rest, p.Lines = rules.PidfileNames, numbers.PID, numbers.Rest, numbers.Lines
	return p
}

func failedPidfile(p rules.Pidfile, err error) rules.Pidfile {
	p.Err = err
	return unusablePidfile(p, fact.Plain(err))
}

func unusablePidfile(p rules.Pidfile, why string) rules.Pidfile {
	p.State, p.Why = rules.PidfileUnusable, why
	return p
}

// readOpened reads the beginning of a file.
func readOpened(opened int) (content, acl []byte, err error) {
	buffer := kernel.ProcBuffers.Get().(*[]byte)
	defer kernel.ProcBuffers.Put(buffer)
	acl, err = readACL(opened, *buffer)
	if err == unix.ERANGE {
		acl, err = readACL(opened, slices.Grow(*buffer, 1<<16)[:1<<16]) // XATTR_SIZE_MAX of include/uapi/linux/limits.h
	}
	switch err {
	case nil:
	case unix.ENODATA, unix.EOPNOTSUPP, unix.ENOSYS, unix.EPERM: // none, as a rule; none to be had here
	case unix.ERANGE:
		return nil, nil, errors.New("its access control list is too long")
	default:
		return nil, nil, fmt.Errorf("its access control list: %w", err)
	}
	into := *buffer
	for size := 0; ; {
		n, err := kernel.Retried(func() (int, error) { return unix.Read(opened, into[size:min(len(into), rules.PidfileLimit)]) })
		if err != nil {
			return nil, nil, err
		}
		if size += n; n == 0 || size == rules.PidfileLimit {
			return slices.Clone(into[:size]), acl, nil
		}
		if size == len(into) { // rarely: one PID has seven digits
			into = append(slices.Clone(into), make([]byte, rules.PidfileLimit-size)...)
		}
	}
}

// readACL is a function of its own: a longer buffer in the frame of one that every question
// calls makes the stack grow by as much.
func readACL(opened int, into []byte) ([]byte, error) {
	n, err := kernel.Retried(func() (int, error) { return unix.Fgetxattr(opened, "system.posix_acl_access", into) })
	if err != nil {
		return nil, err
	}
	return slices.Clone(into[:n]), nil
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
