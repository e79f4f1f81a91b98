package kernel

import (
	"os"
	"strconv"

	"pidproof/matcher/internal/fact"
)

const (
	// An entry has a path, and 128 bytes of magic and of its mask in hexadecimal
	// (MAX_REGISTER_LENGTH of fs/binfmt_misc.c is 1,920).
	formatLimit = 4096
	manyFormats = 1024
)

// EachFormat hands over what binfmt_misc tells of each format that is registered, until one is
// enough: nothing where it is not mounted, as in a container.
func (h *System) EachFormat(visit func(content []byte) (enough bool)) error {
	dir := h.Proc + "/sys/fs/binfmt_misc"
	h.Doing("reading %s", dir)
	count, entryErr := 0, error(nil)
	err := eachName(dir, func(name string) (more bool) {
		if count++; count > manyFormats || name == "register" || name == "status" {
			return count <= manyFormats
		}
		more = true
		err := readProcFile(dir+"/"+name, formatLimit, func(content []byte) error {
			more = !visit(content)
			return nil
		})
		if !fact.Vanished(err) {
			entryErr = err
		}
		return more && entryErr == nil
	})
	if entryErr == nil && !fact.Vanished(err) {
		entryErr = err
	}
	return entryErr
}

// Emulator is what runs us, where something does. QEMU's user mode shows a program itself at
// /proc/self/exe (is_proc_myself in linux-user/syscall.c), and what it is to the kernel elsewhere.
func (h *System) Emulator() fact.Fact[Emulator] {
	path := h.Proc + "/self/task/" + strconv.Itoa(os.Getpid()) + "/exe" // its first thread
	shown, link := ReadLink(h.Proc+"/self/exe"), ReadLink(path)
	if link.Value != shown.Value { // our own file may be replaced meanwhile
		shown = ReadLink(h.Proc + "/self/exe")
	}
	switch {
	case shown.State != fact.Known:
		return fact.Fact[Emulator]{State: shown.State, Err: shown.Err}
	case link.State != fact.Known:
		return fact.Fact[Emulator]{State: link.State, Err: link.Err}
	case link.Value == shown.Value:
		return fact.Fact[Emulator]{State: fact.Absent, Err: os.ErrNotExist}
	}
	return fact.Of(Emulator{link.Value, Identify(path)})
}

// Emulator is an executable by its link, and its file.
type Emulator struct {
	Link string
	File fact.Fact[fact.FileID]
}
