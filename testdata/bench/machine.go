package main

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// machine says what the numbers depend on, and nothing that names the machine.
func machine(tools []string) []string {
	var uname unix.Utsname
	system := "Linux"
	if err := unix.Uname(&uname); err == nil {
		system = fmt.Sprintf("Linux %s, %s", field(uname.Release[:]), field(uname.Machine[:]))
	}
	lines := append([]string{fmt.Sprintf("%s, %d cores", system, runtime.NumCPU())}, tools...)
	if shell, err := filepath.EvalSymlinks("/bin/sh"); err == nil {
		lines = append(lines, "sh is "+filepath.Base(shell))
	}
	return lines
}

func field(bytes []byte) string { return unix.ByteSliceToString(bytes) }

func firstLine(argv ...string) (string, error) {
	said, err := exec.Command(argv[0], argv[1:]...).Output()
	line, _, _ := bytes.Cut(said, []byte("\n"))
	return string(line), err
}

// realStartStopDaemon finds dpkg's program, and its version, also where pidproof was put in its place.
func realStartStopDaemon() (path, version string, err error) {
	for _, name := range []string{"start-stop-daemon.real", "start-stop-daemon"} {
		for _, dir := range []string{"", "/usr/sbin", "/sbin"} { // an ordinary user's PATH lacks them
			if path, err = exec.LookPath(filepath.Join(dir, name)); err != nil {
				continue
			}
			version, err = firstLine(path, "--version")
			if err == nil && strings.HasPrefix(version, "start-stop-daemon ") {
				return path, version, nil
			}
		}
	}
	return "", "", errors.New("not found")
}
