package debs

import (
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// Program copies a program of the system to a new folder, where everybody may execute it, with the libraries and the
// dynamic linker that it has there: this machine's C library may be too old for it, and in a chroot it would not see this
// machine's files. It returns a script of that name, which becomes it.
func (d Debian) Program(program, name, dir string) (script string, err error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	linker, err := interpreter(filepath.Join(d.Root, program))
	if err != nil {
		return "", err
	}
	list := exec.Command(linker, "--list", program)
	list.Dir, list.SysProcAttr = "/", &syscall.SysProcAttr{Chroot: d.Root}
	said, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("%s --list %s, in %s: %w", linker, program, d.Root, err)
	}
	own := filepath.Join(dir, "own")
	if err := os.Mkdir(own, 0o755); err != nil {
		return "", err
	}
	copying := []string{"--target-directory=" + own, filepath.Join(d.Root, program), filepath.Join(d.Root, linker)}
	for _, library := range regexp.MustCompile(`=> (/\S+)`).FindAllStringSubmatch(string(said), -1) {
		copying = append(copying, filepath.Join(d.Root, library[1]))
	}
	if said, err := exec.Command("cp", copying...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("copying %s: %w: %s", program, err, said)
	}
	script = filepath.Join(dir, name)
	text := fmt.Sprintf("#!/bin/sh\nexec %[1]s/%[2]s --library-path %[1]s --argv0 %[3]s %[1]s/%[4]s \"$@\"\n",
		own, filepath.Base(linker), name, filepath.Base(program))
	return script, os.WriteFile(script, []byte(text), 0o755)
}

// interpreter is the dynamic linker that a program names. elf(5)
func interpreter(program string) (string, error) {
	file, err := elf.Open(program)
	if err != nil {
		return "", err
	}
	defer file.Close()
	section := file.Section(".interp")
	if section == nil {
		return "", fmt.Errorf("%s has no dynamic linker", program)
	}
	name, err := section.Data()
	return strings.TrimRight(string(name), "\x00"), err
}
