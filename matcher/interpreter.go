package matcher

import (
	"errors"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
)

// headLimit is BINPRM_BUF_SIZE (include/uapi/linux/binfmts.h).
const headLimit = 256

// interpreter is what runs a #! script, or a file that the kernel does not execute itself; nil
// for what it does, or may not be read.
func (h *host) interpreter(path string) (*rules.Interpreter, error) {
	const nesting = 4 // fs/exec.c, exec_binprm: no deeper
	var wrappers, given []string
	for range nesting {
		head, err := readHead(path)
		if err != nil {
			return nil, err
		}
		name, argument, ok := rules.SplitShebang(head)
		if !ok {
			return h.runnerOf(path, head)
		}
		i, err := h.findInterpreter(name, argument)
		if err != nil {
			return nil, err
		}
		i.Given = append(i.Given, given...)
		i.Wrappers = wrappers
		if i.File.State != fact.Known {
			return i, nil
		}
		if head, err = readHead(i.Real); err != nil {
			return i, err
		}
		if _, _, nested := rules.SplitShebang(head); !nested {
			return h.emulated(i, head)
		}
		wrappers = append(wrappers, i.Path, i.Real)
		given = append([]string{i.Path}, i.Given...)
		path = i.Real
	}
	return nil, nil
}

// unreadHead is readHead's error where a file may not be read.
type unreadHead struct{ error }

// readHead is what the kernel looks at of a file that is to be executed.
func readHead(path string) ([]byte, error) {
	fd, err := kernel.Retried(func() (int, error) {
		return unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return nil, unreadHead{err}
		}
		return nil, fact.Unforeseen(fact.OfPath(err))
	}
	defer unix.Close(fd)
	head := make([]byte, headLimit)
	n, err := kernel.Retried(func() (int, error) { return unix.Read(fd, head) })
	if err != nil {
		return nil, fact.OfOpened(err)
	}
	return head[:n], nil
}

func (h *host) findInterpreter(name, argument string) (*rules.Interpreter, error) {
	if _, err := h.Served(); err != nil {
		return nil, err
	}
	i := &rules.Interpreter{Path: name}
	if filepath.Base(name) == "env" && argument != "" {
		i.ViaEnv = true
		i.Path, i.Given = rules.EnvProgram(argument)
		found, err := h.lookPath(i.Path)
		if err != nil {
			return nil, err
		}
		if found != "" {
			i.Path = found
		}
	} else if argument != "" {
		i.Given = []string{argument}
	}
	return i, h.identify(i)
}

// identify finds the interpreter's file.
func (h *host) identify(i *rules.Interpreter) (err error) {
	i.Real = i.Path
	if _, mayHang := h.MayHang(i.Path); mayHang && filepath.IsAbs(i.Path) {
		return nil // its path will do
	}
	if i.Real, err = realPath(i.Path); err != nil {
		return err
	}
	i.File = kernel.Identify(i.Real)
	return fact.Unforeseen(i.File.Err)
}
