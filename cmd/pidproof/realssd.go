package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	ssdName = "start-stop-daemon"
	// handedOverEnv holds our PID when a program found by PATH is about to take
	// our place. Finding it there again means that it was pidproof, too: another
	// copy, which would hand over to us, for ever.
	handedOverEnv = "PIDPROOF_HANDED_OVER"
	// diversions is dpkg's list: three lines each, the path, where it went, the package.
	diversions = "/var/lib/dpkg/diversions"
)

// becomeRealSSD hands the arguments, unchanged, to the real start-stop-daemon.
func becomeRealSSD(args []string) error {
	path, byPath, err := findRealSSD()
	if err != nil {
		return err
	}
	env := os.Environ()
	if byPath {
		env = append(env, fmt.Sprintf("%s=%d", handedOverEnv, os.Getpid()))
	}
	// busybox goes by the name it is called.
	return execve(path, append([]string{ssdName}, args...), env)
}

// findRealSSD looks where scripts/divert and dpkg-divert(1) have put the real
// program, then in PATH and the sbin directories, where only a binary counts that
// is not pidproof: a script may be our own wrapper.
func findRealSSD() (path string, byPath bool, err error) {
	ours, err := os.Stat("/proc/self/exe")
	if err != nil {
		return "", false, err
	}
	diverted := append([]string{"/usr/sbin/" + ssdName + ".real", "/sbin/" + ssdName + ".real"}, divertedSSD()...)
	if filepath.IsAbs(os.Args[0]) {
		diverted = append([]string{filepath.Join(filepath.Dir(os.Args[0]), ssdName+".real")}, diverted...)
	}
	for _, path := range diverted {
		if isProgram(path, ours) {
			return path, false, nil
		}
	}
	if os.Getenv(handedOverEnv) != strconv.Itoa(os.Getpid()) {
		for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), sbin...) {
			path := filepath.Join(dir, ssdName)
			if filepath.IsAbs(dir) && isProgram(path, ours) && isBinary(path) {
				return path, true, nil
			}
		}
	}
	return "", false, errors.New("there is no real start-stop-daemon on this host, and pidproof starts nothing by itself: install dpkg's, busybox's or OpenRC's")
}

// sbin are where daemons live, and where an administrator's PATH may not lead.
var sbin = []string{"/usr/local/sbin", "/usr/sbin", "/sbin"}

func divertedSSD() (paths []string) {
	content, err := os.ReadFile(diversions)
	if err != nil {
		return nil // not dpkg's host
	}
	lines := strings.Split(string(content), "\n")
	for i := 0; i+2 < len(lines); i += 3 {
		if filepath.Base(lines[i]) == ssdName && filepath.IsAbs(lines[i+1]) {
			paths = append(paths, lines[i+1])
		}
	}
	return paths
}

func isProgram(path string, ours os.FileInfo) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 && !os.SameFile(st, ours)
}

func isBinary(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	magic := make([]byte, 4)
	_, err = io.ReadFull(f, magic)
	return err == nil && bytes.Equal(magic, []byte("\x7fELF"))
}
