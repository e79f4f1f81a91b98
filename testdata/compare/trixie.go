package main

import (
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"pidproof/testdata/bench/host"
	"pidproof/testdata/debs"
)

// release is one of Debian's, with a pidof and a start-stop-daemon of its own.
type release struct {
	name        string
	pidof, dpkg peer
}

var (
	bookworm = release{"Debian 12", "pidof of Debian 12", "start-stop-daemon of Debian 12"}
	trixie   = release{"Debian 13", "pidof of Debian 13", "start-stop-daemon of Debian 13"}
)

// onBookworm is an error unless this machine is Debian 12: that is whose its own programs are said to be.
func onBookworm() error {
	text, err := os.ReadFile("/etc/os-release")
	if err == nil && !strings.Contains(string(text), "\nVERSION_CODENAME=bookworm\n") {
		err = fmt.Errorf("this machine is not Debian 12")
	}
	return err
}

// ofBookworm takes what host finds.
func ofBookworm(find func() (path, version string, err error)) func() (found, error) {
	return func() (found, error) {
		if err := onBookworm(); err != nil {
			return found{}, err
		}
		path, version, err := find()
		return found{path, version}, err
	}
}

// pidofOfTrixie and startStopDaemonOfTrixie are Debian 13's own programs.
func pidofOfTrixie(programs string) (found, error) {
	path, root, err := ofTrixie(programs, "/usr/sbin/killall5", "pidof")
	if err != nil {
		return found{}, err
	}
	version, err := host.FirstLine("dpkg-query", "--admindir="+root+"/var/lib/dpkg", "-W", "-f", "${Version}\n", "sysvinit-utils")
	return found{path, "pidof of sysvinit-utils " + version}, err
}

func startStopDaemonOfTrixie(programs string) (found, error) {
	path, _, err := ofTrixie(programs, "/usr/sbin/start-stop-daemon", "start-stop-daemon")
	if err != nil {
		return found{}, err
	}
	version, err := host.FirstLine(path, "--version")
	return found{path, "dpkg's " + version}, err
}

// ofTrixie copies a program of Debian 13 to where everybody may execute it, with the libraries and the dynamic linker that
// it has there: this machine's C library may be too old for it. In a chroot it would not see the daemon's file. What is
// returned is a script that becomes it.
func ofTrixie(programs, program, name string) (script, root string, err error) {
	debian, err := debs.Trixie()
	if err != nil {
		return "", "", err
	}
	dir := filepath.Join(programs, "trixie-"+name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", "", err
	}
	linker, err := interpreter(filepath.Join(debian.Root, program))
	if err != nil {
		return "", "", err
	}
	list := exec.Command(linker, "--list", program)
	list.Dir, list.SysProcAttr = "/", &syscall.SysProcAttr{Chroot: debian.Root}
	said, err := list.Output()
	if err != nil {
		return "", "", fmt.Errorf("%s --list %s, in Debian 13: %w", linker, program, err)
	}
	files := []string{program, linker}
	for _, library := range regexp.MustCompile(`=> (/\S+)`).FindAllStringSubmatch(string(said), -1) {
		files = append(files, library[1])
	}
	for _, file := range files {
		if err := copyProgram(filepath.Join(debian.Root, file), filepath.Join(dir, filepath.Base(file))); err != nil {
			return "", "", err
		}
	}
	script = filepath.Join(dir, name)
	if name == filepath.Base(program) {
		script += ".sh"
	}
	text := fmt.Sprintf("#!/bin/sh\nexec %[1]s/%[2]s --library-path %[1]s --argv0 %[3]s %[1]s/%[4]s \"$@\"\n",
		dir, filepath.Base(linker), name, filepath.Base(program))
	return script, debian.Root, os.WriteFile(script, []byte(text), 0o755)
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
