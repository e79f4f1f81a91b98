package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// The programs that pidproof stands before.
const (
	ssdName      = "start-stop-daemon"
	invokeRcName = "invoke-rc.d"
)

// diversions is dpkg's list: three lines each, the path, where it went, the package.
const diversions = "/var/lib/dpkg/diversions"

// becomeReal hands the arguments, unchanged, to the real program.
func becomeReal(name string, args []string) error {
	path, err := findReal(name)
	if err != nil {
		return err
	}
	// busybox goes by the name it is called.
	return execve(path, append([]string{name}, args...))
}

// findReal looks where scripts/divert and dpkg-divert(1) have put the real program,
// then in PATH and the sbin directories, where what is ours does not count; nor does a
// script as start-stop-daemon, which may be anybody's wrapper.
func findReal(name string) (string, error) {
	diverted := append([]string{"/usr/sbin/" + name + ".real", "/sbin/" + name + ".real"}, divertedTo(name)...)
	if filepath.IsAbs(os.Args[0]) {
		diverted = append([]string{filepath.Join(filepath.Dir(os.Args[0]), name+".real")}, diverted...)
	}
	for _, path := range diverted {
		if isProgram(path) && !isPidproof(path) {
			return path, nil
		}
	}
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), sbin...) {
		path := filepath.Join(dir, name)
		if filepath.IsAbs(dir) && isProgram(path) && (name != ssdName || isBinary(path)) && !isPidproof(path) {
			return path, nil
		}
	}
	if name == ssdName {
		return "", errors.New("there is no real start-stop-daemon on this host, and pidproof starts nothing by itself: install dpkg's, busybox's or OpenRC's")
	}
	return "", fmt.Errorf("there is no real %s on this host: install init-system-helpers", name)
}

// sbin are where daemons live, and where an administrator's PATH may not lead.
var sbin = []string{"/usr/local/sbin", "/usr/sbin", "/sbin"}

func divertedTo(name string) []string {
	content, err := os.ReadFile(diversions)
	if err != nil {
		return nil // not dpkg's host
	}
	return parseDiversions(string(content), name)
}

// parseDiversions gives the places that a program went to.
func parseDiversions(content, name string) (paths []string) {
	lines := strings.Split(content, "\n")
	for i := 0; i+2 < len(lines); i += 3 {
		if filepath.Base(lines[i]) == name && filepath.IsAbs(lines[i+1]) {
			paths = append(paths, lines[i+1])
		}
	}
	return paths
}

func isProgram(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0
}

// isPidproof reports that a program is ours, by what go build writes into each
// (runtime/debug.BuildInfo): a copy of us, also of another version, would hand over
// to us, for ever. debug/buildinfo would read it more nicely, and add an eighth to
// the binary.
func isPidproof(path string) bool {
	content, err := readProgram(path)
	return err == nil && (bytes.Contains(content, []byte("path\tpidproof/cmd/pidproof\n")) ||
		bytes.Contains(content, []byte("\n# pidproof: stands before "))) // our wrapper, a script
}

func isBinary(path string) bool {
	content, err := readProgram(path)
	return err == nil && bytes.HasPrefix(content, []byte("\x7fELF"))
}

// readProgram reads as much of a program as one of ours can be long.
func readProgram(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 32<<20))
}
