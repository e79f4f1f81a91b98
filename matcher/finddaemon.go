package matcher

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
)

// ErrDaemon is wrapped by errors about the DAEMON argument itself.
var ErrDaemon = errors.New("no usable daemon")

// errNoProgram is ErrDaemon of a word that names something, but no executable. It is no
// fmt.Errorf("%w"), which runs at every start.
var errNoProgram error = noProgram{}

type noProgram struct{}

func (noProgram) Error() string { return ErrDaemon.Error() }
func (noProgram) Unwrap() error { return ErrDaemon }

// daemonOrLabel is findDaemon where a word that leads to no executable is what the caller
// calls his daemon, as Debian's functions have it: `status_of_proc -p $PID_FILE
// elasticsearch elasticsearch`.
func (h *host) daemonOrLabel(name string) (rules.Daemon, error) {
	d, err := h.findDaemon(name)
	if !errors.Is(err, errNoProgram) {
		return d, err
	}
	why := strings.Replace(err.Error(), errNoProgram.Error()+": "+name+" ", "it ", 1)
	return rules.Daemon{Name: name, NoProgram: why}, nil
}

// FindDaemon looks up an executable as Check does. Its errors wrap ErrDaemon, or
// ErrNoAnswer where PATH could not be read; that the file is missing is none.
func FindDaemon(name string) (Daemon, error) { return thisHost().findDaemon(name) }

// findDaemon looks up what the caller calls the daemon: a path, which need not
// exist any more, or a bare name in the sbin directories and PATH.
func (h *host) findDaemon(name string) (rules.Daemon, error) {
	d := rules.Daemon{Name: name}
	switch {
	case name == "":
		return d, fmt.Errorf("%w: the name is empty", ErrDaemon)
	case strings.HasSuffix(name, "/"):
		return d, fmt.Errorf("%w: %s ends in a slash, like a directory", errNoProgram, name)
	case strings.IndexByte(name, 0) >= 0:
		return d, fmt.Errorf("%w: the name holds a NUL byte", ErrDaemon)
	case strings.Contains(name, "/"):
		path, err := absolute(name)
		if err != nil {
			return d, fmt.Errorf("%w: %s: %w", ErrDaemon, name, err)
		}
		d.Path = path
	default:
		path, err := lookUp(name, h.sbin+":"+h.path)
		if err != nil {
			return d, fmt.Errorf("%w where %s is: %w", ErrNoAnswer, name, err)
		}
		if d.Path = path; path == "" {
			return d, fmt.Errorf("%w: %s is neither in PATH nor in the sbin directories; give its path", errNoProgram, name)
		}
	}
	h.Doing("looking at %s", d.Path)
	var err error
	if d.Real, err = realPath(d.Path); err == nil {
		err = h.lookAtDaemon(&d)
	}
	if err != nil && !errors.Is(err, ErrDaemon) { // whatever it may be, it is not absent
		d.File, err = fact.Fact[fact.FileID]{State: fact.Unreadable, Err: fact.OfPath(err)}, nil
	}
	return d, err
}

// lookAtDaemon fills in what there is at the daemon's real path.
func (h *host) lookAtDaemon(d *rules.Daemon) error {
	dir, err := kernel.StatxAt(unix.AT_FDCWD, filepath.Dir(d.Real), 0, unix.STATX_INO|unix.STATX_UID|unix.STATX_MTIME|unix.STATX_MNT_ID)
	if err != nil && !foreseen(err) {
		return err
	}
	if err == nil {
		d.DirDev, d.DirIno, d.Owner, d.Changed = kernel.IdOf(dir).Dev, dir.Ino, int(dir.Uid), kernel.TimeOf(dir.Mtime)
		if d.Mount, err = mountOf(filepath.Dir(d.Real), dir); err != nil {
			return err
		}
	}
	st, err := kernel.StatxAt(unix.AT_FDCWD, d.Real, 0, unix.STATX_TYPE|unix.STATX_MODE|unix.STATX_INO|unix.STATX_NLINK|unix.STATX_UID)
	switch {
	case fact.Missing(err):
		d.File = fact.Failed[fact.FileID](err)
		return nil
	case err != nil:
		return err
	}
	if kind := uint32(st.Mode) & unix.S_IFMT; kind != unix.S_IFREG {
		return fmt.Errorf("%w: %s is %s, not a program", errNoProgram, d.Name, kindName(kind))
	}
	d.File, d.Links, d.Owner = fact.Of(kernel.IdOf(st)), uint64(st.Nlink), int(st.Uid)
	d.Script, err = h.interpreter(d.Real)
	if unread, is := err.(unreadHead); is {
		if err = nil; os.Geteuid() == 0 { // another who may not read a script does not run it
			d.Unread = unread.error
		}
	}
	if err != nil || !d.Aliased() {
		return err
	}
	d.OtherNames, err = h.otherNames(*d)
	d.MultiCall = len(d.OtherNames) > 0 || d.Links > 1 || strings.HasSuffix(d.RealBase(), "box")
	return err
}

// mountOf is the mount that a directory is reached through; 0 where the kernel would not
// say.
func mountOf(dir string, st unix.Statx_t) (uint64, error) {
	if mount, said := kernel.MountIn(st); said {
		return mount, nil
	}
	fd, err := kernel.Retried(func() (int, error) { return unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0) })
	if err != nil {
		return 0, fact.Unforeseen(err)
	}
	defer unix.Close(fd)
	return kernel.MountOfDescriptor(fd)
}

func (h *host) lookPath(name string) (string, error) { return lookUp(name, h.path) }

// lookUp finds an executable of a bare name in a list of directories; "" if there is none.
func lookUp(name, path string) (string, error) {
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) { // a relative PATH entry is no place to look as root
			continue
		}
		path := filepath.Join(dir, name)
		st, err := kernel.Statx(path)
		if err == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Mode&0o111 != 0 {
			return path, nil
		}
		if err != nil && !foreseen(err) && !errors.Is(err, unix.EACCES) {
			return "", err
		}
	}
	return "", nil
}

// absolute makes a path absolute as the kernel understands it: `link/..` is the
// parent of what the link leads to, so a path with `..` is not cleaned as text.
func absolute(path string) (string, error) {
	if !filepath.IsAbs(path) {
		cwd, err := os.Readlink("/proc/self/cwd")
		if err != nil {
			return "", err
		}
		path = cwd + "/" + path
	}
	at := strings.LastIndex(path, "/")
	if dir, base := path[:at+1], path[at+1:]; strings.Contains(dir, "/../") && base != ".." {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			return filepath.Join(real, base), nil
		}
	}
	return filepath.Clean(path), nil
}

// realPath resolves links; where the end is gone, those of its directory, so
// that a removed /sbin/x is still /usr/sbin/x on a merged /usr. An error says nothing of
// where it leads.
func realPath(path string) (string, error) {
	const tries = 3 // a file may come while it is looked for
	for n := 0; ; n++ {
		real, err := filepath.EvalSymlinks(path)
		if err == nil {
			return real, nil
		}
		if foreseen(err) {
			dir, dirErr := filepath.EvalSymlinks(filepath.Dir(path))
			if err = dirErr; err == nil {
				real = filepath.Join(dir, filepath.Base(path))
			}
		}
		if err != nil && foreseen(err) {
			real, err = path, nil
		}
		if err != nil {
			return "", err
		}
		if _, err := kernel.Statx(real); err != nil {
			return real, nil
		}
		if n == tries {
			return "", fmt.Errorf("%s: %w", path, errThereAndGone)
		}
	}
}

var errThereAndGone = errors.New("it is there, and its links lead nowhere")

// foreseen: it says something of the path.
func foreseen(err error) bool {
	return fact.Missing(err) || fact.Misleads(err) || err.Error() == "EvalSymlinks: too many links"
}

// otherNames finds further links to the file the daemon's link leads to, beside
// the link and beside the file: redis-sentinel beside redis-server.
func (h *host) otherNames(d rules.Daemon) ([]string, error) {
	var names []string
	for _, dir := range []string{filepath.Dir(d.Path), filepath.Dir(d.Real)} {
		entries, err := os.ReadDir(dir)
		if err := fact.Unforeseen(err); err != nil {
			return nil, err
		}
		for _, entry := range entries {
			if entry.Type()&os.ModeSymlink == 0 || entry.Name() == d.Base() {
				continue
			}
			path := filepath.Join(dir, entry.Name())
			target := kernel.ReadLink(path)
			if err := fact.Unforeseen(target.Err); err != nil {
				return nil, err
			}
			if target.State != fact.Known || filepath.Base(target.Value) != d.RealBase() {
				continue // a chain of links is followed from its last one
			}
			if _, mayHang := h.MayHang(path); mayHang {
				continue
			}
			file := kernel.Identify(path)
			if err := fact.Unforeseen(file.Err); err != nil {
				return nil, err
			}
			if kernel.Same(file, d.File) {
				names = append(names, entry.Name())
			}
		}
	}
	return names, nil
}
