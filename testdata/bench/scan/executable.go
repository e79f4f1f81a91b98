package scan

import (
	"debug/elf"
	"fmt"
	"os"
)

// executable is the program that was measured, as a file.
type executable struct {
	bytes  int64
	unlike string // why it is not what the budget is about, or empty
}

func inspect(path string) (b executable, err error) {
	stat, err := os.Stat(path)
	if err != nil {
		return b, err
	}
	b.bytes = stat.Size()
	file, err := elf.Open(path)
	if err != nil {
		return b, err
	}
	defer file.Close()
	switch {
	case file.Machine != elf.EM_X86_64:
		b.unlike = fmt.Sprintf("the program is for %v", file.Machine)
	case file.Section(".symtab") != nil:
		b.unlike = "the program is not stripped (make strips it)"
	}
	return b, nil
}
