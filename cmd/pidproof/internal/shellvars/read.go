package shellvars

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Limit is how many bytes a file may have: more is not read.
const Limit = 64 << 10

// Read reads the file at path, following symbolic links. It blocks on nothing but
// the file system. An absent file is fs.ErrNotExist, and nothing else is, not even
// a link that leads nowhere. A line that is wrong is an *Error with the path.
func Read(path string) (map[string]Var, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		target, err := os.Readlink(path)
		switch {
		case err == nil:
			return nil, fmt.Errorf("%s is a symbolic link to %s, which does not exist: remove it, or make that file", path, target)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return nil, NotAbsent(path, err)
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file: put one in its place", path)
	}
	if err := Trusted(path, st); err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(file, Limit+1))
	if err != nil {
		return nil, NotAbsent(path, err)
	}
	if len(content) > Limit {
		return nil, fmt.Errorf("%s is larger than %d KiB: shorten it", path, Limit>>10)
	}
	vars, err := Parse(content)
	if wrong := (*Error)(nil); errors.As(err, &wrong) {
		wrong.Path = path
	}
	return vars, err
}

// NotAbsent keeps an error about a file or directory that is open from being taken for
// its absence: it is a fault.
func NotAbsent(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading %s: %v: %w", path, err, unix.EIO)
	}
	return err
}
