package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const (
	ssdName = "start-stop-daemon"
	// diversions is dpkg's list: three lines each, the path, where it went, the package.
	diversions = "/var/lib/dpkg/diversions"
)

// becomeRealSSD hands the arguments, unchanged, to the real start-stop-daemon.
func becomeRealSSD(args []string) error {
	path, err := findRealSSD()
	if err != nil {
		return err
	}
	// busybox goes by the name it is called.
	return execve(path, append([]string{ssdName}, args...))
}

// findRealSSD looks where scripts/divert and dpkg-divert(1) have put the real
// program, then in PATH and the sbin directories, where only a binary counts that
// is not pidproof: a script may be our own wrapper.
func findRealSSD() (string, error) {
	diverted := append([]string{"/usr/sbin/" + ssdName + ".real", "/sbin/" + ssdName + ".real"}, divertedSSD()...)
	if filepath.IsAbs(os.Args[0]) {
		diverted = append([]string{filepath.Join(filepath.Dir(os.Args[0]), ssdName+".real")}, diverted...)
	}
	for _, path := range diverted {
		if isProgram(path) && !isPidproof(path) {
			return path, nil
		}
	}
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), sbin...) {
		path := filepath.Join(dir, ssdName)
		if filepath.IsAbs(dir) && isProgram(path) && isBinary(path) && !isPidproof(path) {
			return path, nil
		}
	}
	return "", errors.New("there is no real start-stop-daemon on this host, and pidproof starts nothing by itself: install dpkg's, busybox's or OpenRC's")
}

// sbin are where daemons live, and where an administrator's PATH may not lead.
var sbin = []string{"/usr/local/sbin", "/usr/sbin", "/sbin"}

func divertedSSD() []string {
	content, err := os.ReadFile(diversions)
	if err != nil {
		return nil // not dpkg's host
	}
	return parseDiversions(string(content))
}

// parseDiversions gives the places that a start-stop-daemon went to.
func parseDiversions(content string) (paths []string) {
	lines := strings.Split(content, "\n")
	for i := 0; i+2 < len(lines); i += 3 {
		if filepath.Base(lines[i]) == ssdName && filepath.IsAbs(lines[i+1]) {
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
		bytes.Contains(content, []byte("pidproof "+ssdName))) // our wrapper, a script
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
