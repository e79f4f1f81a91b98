package wholefile

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

func replaceLike(dir *os.Root, name string, content []byte, temporary *os.Root) error {
	if err := replaceable(dir, name); err != nil {
		return err
	}
	old, err := dir.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	defer old.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(old.Fd()), &st); err != nil {
		return err
	}
	held, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer held.Close()
	beside, err := temporary.Open(".")
	if err != nil {
		return err
	}
	defer beside.Close()
	mode := os.FileMode(st.Mode & 0o777)
	pending, err := written(held, beside, name, content, mode, &Owner{int(st.Uid), int(st.Gid)})
	if err != nil {
		return err
	}
	err = copyAttributes(old, pending.File)
	if err == nil {
		err = pending.CloseAtomicallyReplace()
	}
	if err != nil {
		return errors.Join(err, pending.Cleanup())
	}
	return sync(held)
}

// ofContent are attributes that are about what a file holds, and the kernel's to write,
// evmctl(1).
var ofContent = []string{"security.ima", "security.evm"}

// copyAttributes copies extended attributes, xattr(7).
func copyAttributes(from, to *os.File) error {
	names, err := attribute(func(b []byte) (int, error) { return unix.Flistxattr(int(from.Fd()), b) })
	if err != nil {
		return err
	}
	for name := range bytes.SplitSeq(bytes.TrimSuffix(names, []byte{0}), []byte{0}) {
		name := string(name)
		if name == "" || slices.Contains(ofContent, name) {
			continue
		}
		value, err := attribute(func(b []byte) (int, error) { return unix.Fgetxattr(int(from.Fd()), name, b) })
		if err == nil {
			err = unix.Fsetxattr(int(to.Fd()), name, value, 0)
		}
		if err != nil {
			return fmt.Errorf("its attribute %s: %w", name, err)
		}
	}
	return nil
}

// attribute reads what fits into the largest that the kernel takes, 64 KiB; nothing where
// a file system has none.
func attribute(read func([]byte) (int, error)) ([]byte, error) {
	value := make([]byte, 1<<16)
	n, err := read(value)
	if errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	return value[:max(n, 0)], err
}
