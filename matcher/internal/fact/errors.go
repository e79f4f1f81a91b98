package fact

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// ErrUntold: a process keeps its arguments from being read, or whoever holds its memory
// map does. The kernel waits for that (mmap_lock, get_mm_cmdline in fs/proc/base.c).
var ErrUntold = errors.New("its arguments could not be read in time")

// ErrThreads: somebody keeps a process's threads from being listed. Who lists a directory and has
// the kernel write that to where a dead FUSE server answers holds its lock, and whoever wants to
// write there keeps all others waiting (iterate_dir in fs/readdir.c, filename_create in fs/namei.c).
var ErrThreads = errors.New("its threads could not be listed in time")

// ErrManyDescriptors: a process, or its user's all together, has more descriptors open than
// are looked at, or in more network namespaces, and among those that were is nothing of what
// was looked for.
var ErrManyDescriptors = errors.New("too many descriptors are open, or network namespaces")

var ErrBetweenPrograms = errors.New("it is replacing its program")

// Vanished reports that err means "no such thing": ENOENT from a path, ESRCH
// from a /proc file whose process ended after it was opened.
func Vanished(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH)
}

// Unforeseen keeps the errors that say nothing of what was asked for: no descriptors or no
// memory left. Whoever is passed over because of one may be the one that is meant.
func Unforeseen(err error) error {
	if err == nil || Vanished(err) || errors.Is(err, fs.ErrPermission) || Misleads(err) {
		return nil
	}
	return err
}

// Misleads reports that a path leads nowhere: too long, round in a circle, through a file.
// Anybody can make one that does.
func Misleads(err error) bool {
	return errors.Is(err, unix.ENAMETOOLONG) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR)
}

// Missing reports that there is no such file: of a path, unlike of a process, ESRCH says
// nothing.
func Missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// Disbelieved makes a fault of an error that cannot be true: that what was opened is not
// there, that there is no process of a path, that our own may not be read.
func Disbelieved(err error) error {
	if err == nil || !Vanished(err) && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return fmt.Errorf("%v: %w", err, unix.EIO)
}

// OfOpened is what an error says of what was opened: not that it is not there.
func OfOpened(err error) error {
	if Missing(err) {
		return Disbelieved(err)
	}
	return err
}

// OfPath is what an error says of a path: not that a process has ended.
func OfPath(err error) error {
	if errors.Is(err, unix.ESRCH) {
		return Disbelieved(err)
	}
	return err
}

// ErrMayHang: the way leads into a file system whose server may not answer.
var ErrMayHang = errors.New("it is on a file system whose server may not answer")

// Plain is the system's words for err, without Go's "open /path:" before them:
// the line it goes into names the path already.
func Plain(err error) string {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return err.Error()
}
