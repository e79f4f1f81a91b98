// Package wholefile writes files that appear whole or not at all: who opens the
// path meanwhile gets the old content or the new one, also after a full disk, a
// kill or a power loss.
//
// The new content is written to a temporary file in the same directory, synced,
// and renamed (github.com/google/renameio); then the directory is synced, which
// the library leaves to its caller. The temporary file's name is the file's
// between a dot and a number, so that nobody who looks for *.prom, *.pid or
// registrations reads it. It is removed after every error; only a kill leaves it.
//
// A symbolic link is refused: to follow it would let whoever can make links in
// the directory choose which file root writes; to replace it would undo what an
// administrator arranged, unasked. So are devices and FIFOs: a rename would put
// a file in place of /dev/null.
package wholefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// Owner is whom a file is given to, chown(2).
type Owner struct{ UID, GID int }

// Write makes the file at path hold content, with exactly this mode, whatever the
// umask. An existing file's owner and mode are not kept. An error names the path,
// and wraps the system's; the file is as it was then, unless the directory alone
// could not be synced.
func Write(path string, content []byte, mode fs.FileMode) error {
	at := strings.LastIndex(path, "/") + 1 // not filepath.Dir: `link/..` is the link's matter
	dir, err := os.OpenRoot(path[:at] + ".")
	if err != nil {
		return fmt.Errorf("%s not written: its directory: %w", path, plain(err))
	}
	defer dir.Close()
	return about(path, replace(dir, path[at:], content, mode, nil))
}

// ReplaceLike makes a file of an open directory hold other content, and leaves what else
// it has: owner, mode, and extended attributes, an ACL (acl(5)) and a label among them.
// The temporary file is made in another directory of the same file system, for those
// whose readers take every name.
func ReplaceLike(dir *os.Root, name string, content []byte, temporary *os.Root) error {
	return about(filepath.Join(dir.Name(), name), replaceLike(dir, name, content, temporary))
}

// ReplaceIn is Write in an open directory, wherever its path leads by now. name is
// one of its entries, or a new one. The file belongs to owner from before it
// appears; nil: to whoever writes it.
func ReplaceIn(dir *os.Root, name string, content []byte, mode fs.FileMode, owner *Owner) error {
	return about(filepath.Join(dir.Name(), name), replace(dir, name, content, mode, owner))
}

// CreateIn is ReplaceIn for a file that must not exist: then the error is
// fs.ErrExist, wrapped, and whatever has the name is left alone.
func CreateIn(dir *os.Root, name string, content []byte, mode fs.FileMode) error {
	return about(filepath.Join(dir.Name(), name), create(dir, name, content, mode))
}

func replace(dir *os.Root, name string, content []byte, mode fs.FileMode, owner *Owner) error {
	if err := replaceable(dir, name); err != nil {
		return err
	}
	held, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer held.Close()
	pending, err := written(held, held, name, content, mode, owner)
	if err != nil {
		return err
	}
	if err := pending.CloseAtomicallyReplace(); err != nil {
		return errors.Join(err, pending.Cleanup())
	}
	return sync(held)
}

func create(dir *os.Root, name string, content []byte, mode fs.FileMode) error {
	if err := entry(name); err != nil {
		return err
	}
	held, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer held.Close()
	pending, err := written(held, held, name, content, mode, nil)
	if err != nil {
		return err
	}
	err = pending.Sync()
	if err == nil {
		err = os.Link(pending.Name(), inside(held, name)) // unlike rename(2), never over another
	}
	if err := errors.Join(err, pending.Cleanup()); err != nil {
		return err
	}
	return sync(held)
}

// inside is a path of what has this name in an open directory, wherever that lies by now.
// os.Root itself can neither rename, link nor follow before Go 1.25.
func inside(dir *os.File, name string) string {
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), name)
}

// written is the temporary file, complete but for its name.
func written(dir, temporary *os.File, name string, content []byte, mode fs.FileMode, owner *Owner) (*renameio.PendingFile, error) {
	pending, err := renameio.NewPendingFile(inside(dir, name), renameio.WithTempDir(inside(temporary, "."))) // with mode 0600
	if err != nil {
		return nil, err
	}
	_, err = pending.Write(content)
	if err == nil && owner != nil {
		err = pending.Chown(owner.UID, owner.GID)
	}
	if err == nil {
		err = pending.Chmod(mode) // after the owner: chown(2) takes bits away
	}
	if err != nil {
		return nil, errors.Join(err, pending.Cleanup())
	}
	return pending, nil
}

func entry(name string) error {
	if name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
		return errors.New("it is no name of a file")
	}
	return nil
}

// replaceable refuses what is no regular file.
func replaceable(dir *os.Root, name string) error {
	if err := entry(name); err != nil {
		return err
	}
	st, err := dir.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case st.Mode().Type() == fs.ModeSymlink:
		held, err := dir.Open(".")
		if err != nil {
			return err
		}
		defer held.Close()
		target, err := os.Readlink(inside(held, name))
		if err != nil {
			return err
		}
		return fmt.Errorf("it is a symbolic link to %s: name the file itself", target)
	case !st.Mode().IsRegular():
		return errors.New("what is there is no regular file")
	}
	return nil
}

// sync makes the new name survive a power loss, fsync(2).
func sync(dir *os.File) error {
	// Some network and user-space file systems know no such thing.
	if err := dir.Sync(); err != nil && !errors.Is(err, unix.EINVAL) {
		return err
	}
	return nil
}

func about(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s not written: %w", path, plain(err))
}

// plain is the system's error without the temporary file's name before it.
func plain(err error) error {
	if inPath := (*fs.PathError)(nil); errors.As(err, &inPath) {
		return inPath.Err
	}
	if inLink := (*os.LinkError)(nil); errors.As(err, &inLink) {
		return inLink.Err
	}
	return err
}
