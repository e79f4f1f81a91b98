package matcher

import (
	"runtime"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/rules"
)

// A file that the kernel does not execute itself, as that of another machine, a .jar or a .exe,
// is run by a program that root has registered for its format (Documentation/admin-guide/
// binfmt-misc.rst). That is the process's executable then, and the file its first argument, as of
// a script. Stock's pidof and start-stop-daemon --exec find no such daemon.

// ourMachine is which machine this program was made for, see rules.Machine; 0: it is not known
// here, and formats are looked through for every daemon.
func ourMachine() uint16 {
	switch runtime.GOARCH {
	case "386":
		return 3
	case "mips", "mipsle", "mips64", "mips64le":
		return 8
	case "ppc64", "ppc64le":
		return 21
	case "s390x":
		return 22
	case "arm":
		return 40
	case "amd64":
		return 62
	case "arm64":
		return 183
	case "riscv64":
		return 243
	case "loong64":
		return 258
	}
	return 0
}

// runnerOf is what runs a file that is no script; nil: the kernel does.
func (h *host) runnerOf(path string, head []byte) (found *rules.Interpreter, err error) {
	if machine := rules.Machine(head); machine != 0 && machine == ourMachine() {
		return h.emulator()
	}
	if len(head) == 0 {
		return nil, nil
	}
	err = h.EachFormat(func(content []byte) (enough bool) {
		if f, is := rules.ParseFormat(content); is && f.Fits(path, head) {
			found = &rules.Interpreter{Program: true, Path: f.Interpreter}
		}
		return found != nil
	})
	if err != nil || found == nil {
		return nil, err
	}
	return found, h.identify(found)
}

// emulated is a script's interpreter as it is, or what the kernel has run that in turn, as
// everything in a container of another machine.
func (h *host) emulated(i *rules.Interpreter, head []byte) (*rules.Interpreter, error) {
	runner, err := h.runnerOf(i.Real, head)
	if err != nil || runner == nil {
		return i, err
	}
	runner.Program, runner.Emulated = false, i
	return runner, nil
}

// emulator is what runs us, and so everything else that was made for our machine, as in a
// container of another one (docker run --platform); nil: nothing does.
func (h *host) emulator() (*rules.Interpreter, error) {
	its := h.Emulator()
	if its.State != fact.Known {
		return nil, fact.Unforeseen(its.Err)
	}
	path := rules.PathsOf(fact.Exe{Link: its.Value.Link})[0]
	return &rules.Interpreter{Program: true, Path: path, Real: path, File: its.Value.File}, fact.Unforeseen(its.Value.File.Err)
}
