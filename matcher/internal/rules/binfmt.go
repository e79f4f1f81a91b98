package rules

import (
	"bytes"
	"encoding/hex"
	"path/filepath"
	"strconv"
	"strings"
)

// Format is one that the kernel has a program run: an entry of binfmt_misc, as it reads
// (bm_entry_read in fs/binfmt_misc.c).
type Format struct {
	Interpreter string
	extension   string // without its dot; or else
	magic, mask []byte // at an offset
	offset      int
}

// ParseFormat parses an entry. ok is false of one that is disabled, and of what is none.
func ParseFormat(content []byte) (f Format, ok bool) {
	lines := strings.Split(string(content), "\n")
	if lines[0] != "enabled" {
		return f, false
	}
	for _, line := range lines[1:] {
		key, value, _ := strings.Cut(line, " ")
		var err error
		switch key {
		case "interpreter":
			f.Interpreter = value
		case "extension":
			f.extension = strings.TrimPrefix(value, ".")
		case "offset":
			f.offset, err = strconv.Atoi(value)
		case "magic":
			f.magic, err = hex.DecodeString(value)
		case "mask":
			f.mask, err = hex.DecodeString(value)
		}
		if err != nil {
			return f, false
		}
	}
	fits := f.extension != "" || len(f.magic) > 0 && f.offset >= 0 && (f.mask == nil || len(f.mask) == len(f.magic))
	return f, filepath.IsAbs(f.Interpreter) && fits
}

// Fits reports that a file, which begins so, is of the format.
func (f Format) Fits(path string, head []byte) bool {
	if f.extension != "" {
		return filepath.Ext(path) == "."+f.extension
	}
	if len(head)-len(f.magic) < f.offset {
		return false
	}
	for i, want := range f.magic {
		mask := byte(0xff)
		if f.mask != nil {
			mask = f.mask[i]
		}
		if (head[f.offset+i]^want)&mask != 0 {
			return false
		}
	}
	return true
}

// Machine is for which an ELF program was made (EM_* of include/uapi/linux/elf-em.h), 0 of what is none.
func Machine(head []byte) uint16 {
	const data, machine, bigEndian = 5, 18, 2 // elf(5): EI_DATA, e_machine, ELFDATA2MSB
	if len(head) < machine+2 || !bytes.HasPrefix(head, []byte("\x7fELF")) {
		return 0
	}
	if head[data] == bigEndian {
		return uint16(head[machine])<<8 | uint16(head[machine+1])
	}
	return uint16(head[machine]) | uint16(head[machine+1])<<8
}
