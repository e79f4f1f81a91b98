package matcher

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrDaemon is wrapped by errors about the DAEMON argument itself.
var ErrDaemon = errors.New("no usable daemon")

// FindDaemon looks up an executable as Check does. Its errors wrap ErrDaemon; that
// the file is missing is none.
func FindDaemon(name string) (Daemon, error) { return thisHost().findDaemon(name) }

// findDaemon looks up what the caller calls the daemon: a path, which need not
// exist any more, or a bare name in PATH and the sbin directories.
func (h *host) findDaemon(name string) (Daemon, error) {
	d := Daemon{Name: name}
	switch {
	case name == "":
		return d, fmt.Errorf("%w: the name is empty", ErrDaemon)
	case strings.HasSuffix(name, "/"):
		return d, fmt.Errorf("%w: %s ends in a slash, like a directory", ErrDaemon, name)
	case strings.IndexByte(name, 0) >= 0:
		return d, fmt.Errorf("%w: the name holds a NUL byte", ErrDaemon)
	case strings.Contains(name, "/"):
		path, err := absolute(name)
		if err != nil {
			return d, fmt.Errorf("%w: %s: %w", ErrDaemon, name, err)
		}
		d.Path = path
	default:
		d.Path = h.lookPath(name)
		if d.Path == "" {
			return d, fmt.Errorf("%w: %s is neither in PATH nor in the sbin directories; give its path", ErrDaemon, name)
		}
	}
	h.doing("looking at %s", d.Path)
	d.Real = realPath(d.Path)
	if st, err := statx(filepath.Dir(d.Real)); err == nil {
		d.DirDev = idOf(st).Dev
	}
	st, err := statx(d.Real)
	if err != nil {
		d.File = failed[FileID](err)
		return d, nil
	}
	if kind := uint32(st.Mode) & unix.S_IFMT; kind != unix.S_IFREG {
		return d, fmt.Errorf("%w: %s is %s, not a program", ErrDaemon, name, kindName(kind))
	}
	d.File, d.Links = known(idOf(st)), uint64(st.Nlink)
	d.Script = h.interpreter(d.Real)
	if d.aliased() {
		d.OtherNames = otherNames(d)
		d.MultiCall = len(d.OtherNames) > 0 || d.Links > 1 || strings.HasSuffix(d.realBase(), "box")
	}
	return d, nil
}

func (h *host) lookPath(name string) string {
	for _, dir := range filepath.SplitList(h.path) {
		if !filepath.IsAbs(dir) { // a relative PATH entry is no place to look as root
			continue
		}
		path := filepath.Join(dir, name)
		if st, err := statx(path); err == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Mode&0o111 != 0 {
			return path
		}
	}
	return ""
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
// that a removed /sbin/x is still /usr/sbin/x on a merged /usr.
func realPath(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(dir, filepath.Base(path))
	}
	return path
}

// shebangLimit is BINPRM_BUF_SIZE (include/uapi/linux/binfmts.h).
const shebangLimit = 256

// interpreter is nil for what is no #! script, or cannot be read.
func (h *host) interpreter(path string) *Interpreter {
	const nesting = 4 // fs/exec.c, exec_binprm: no deeper
	var wrappers, given []string
	for range nesting {
		name, argument, ok := readShebang(path)
		if !ok {
			return nil
		}
		i := h.findInterpreter(name, argument)
		i.Given = append(i.Given, given...)
		if _, _, nested := readShebang(i.Real); !nested || i.File.State != Known {
			i.Wrappers = wrappers
			return i
		}
		wrappers = append(wrappers, i.Path, i.Real)
		given = append([]string{i.Path}, i.Given...)
		path = i.Real
	}
	return nil
}

func readShebang(path string) (interpreter, argument string, ok bool) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", "", false
	}
	defer unix.Close(fd)
	head := make([]byte, shebangLimit)
	n, err := unix.Read(fd, head)
	if err != nil {
		return "", "", false
	}
	return splitShebang(head[:n])
}

func (h *host) findInterpreter(name, argument string) *Interpreter {
	i := &Interpreter{Path: name}
	if filepath.Base(name) == "env" && argument != "" {
		i.ViaEnv = true
		i.Path, i.Given = envProgram(argument)
		if found := h.lookPath(i.Path); found != "" {
			i.Path = found
		}
	} else if argument != "" {
		i.Given = []string{argument}
	}
	i.Real = i.Path
	if _, mayHang := MayHang(i.Path); mayHang {
		return i // its path will do
	}
	i.Real = realPath(i.Path)
	if st, err := statx(i.Real); err != nil {
		i.File = failed[FileID](err)
	} else {
		i.File = known(idOf(st))
	}
	return i
}

// envProgram is the program in env's single argument: `python3`, or with
// `env -S` the first word that is neither an option nor an assignment; given are
// the words behind it.
func envProgram(argument string) (program string, given []string) {
	words := strings.Fields(argument)
	for i, word := range words {
		if !strings.HasPrefix(word, "-") && !strings.Contains(word, "=") {
			return word, words[i+1:]
		}
	}
	return argument, nil
}

// otherNames finds further links to the file the daemon's link leads to, beside
// the link and beside the file: redis-sentinel beside redis-server.
func otherNames(d Daemon) []string {
	var names []string
	served := servedMounts()
	for _, dir := range []string{filepath.Dir(d.Path), filepath.Dir(d.Real)} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, entry := range entries {
			if entry.Type()&os.ModeSymlink == 0 || entry.Name() == d.base() {
				continue
			}
			path := filepath.Join(dir, entry.Name())
			target, err := os.Readlink(path)
			if err != nil || filepath.Base(target) != d.realBase() {
				continue // a chain of links is followed from its last one
			}
			if _, mayHang := mayHang(served, []string{path}); !mayHang && fileID(path) == d.File.Value {
				names = append(names, entry.Name())
			}
		}
	}
	return names
}
