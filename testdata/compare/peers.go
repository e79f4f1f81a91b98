package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"pidproof/testdata/bench/host"
)

// peer is a program, or a file of functions, that answers beside pidproof.
type peer string

const (
	pidof     peer = "sysvinit's pidof"
	busybox   peer = "busybox"
	dpkg      peer = "dpkg's start-stop-daemon"
	functions peer = "Debian's LSB functions"
	shell     peer = "sh"
	self      peer = "pidproof"
)

// found is where a peer is, and which version.
type found struct{ Path, Version string }

// peers is what this machine has.
type peers map[peer]found

func (p peers) has(t tool) bool {
	_, ok := p[t.needs()]
	return ok || t.needs() == ""
}

// findPeers looks for all of them. One that is missing is left out, but in CI nothing may be.
func findPeers(programs string) (peers, error) {
	all := peers{}
	var missing []error
	for _, p := range []struct {
		peer
		find func() (found, error)
	}{
		{self, func() (found, error) {
			path := filepath.Join(programs, "pidproof")
			version, err := host.FirstLine(path, "-V")
			return found{path, version}, err
		}},
		{pidof, of(host.Pidof)},
		{busybox, of(host.Busybox)},
		{dpkg, of(host.StartStopDaemon)},
		{functions, func() (found, error) { return ofPackage("/lib/lsb/init-functions") }},
		{shell, func() (found, error) {
			path, err := filepath.EvalSymlinks("/bin/sh")
			return found{path, "sh is " + filepath.Base(path)}, err
		}},
	} {
		f, err := p.find()
		if err != nil {
			missing = append(missing, err)
			continue
		}
		all[p.peer] = f
	}
	if _, ok := all[self]; !ok || os.Getenv("CI") != "" {
		return all, errors.Join(missing...)
	}
	for _, err := range missing {
		fmt.Fprintf(os.Stderr, "compare: left out: %v\n", err)
	}
	return all, nil
}

// of takes what host finds.
func of(find func() (path, version string, err error)) func() (found, error) {
	return func() (found, error) {
		path, version, err := find()
		return found{path, version}, err
	}
}

// ofPackage is a file of a Debian package. /usr may be merged, and the package not know it.
func ofPackage(path string) (found, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return found{}, err
	}
	for _, known := range []string{real, strings.TrimPrefix(real, "/usr")} {
		said, err := host.FirstLine("dpkg-query", "-S", known)
		if err != nil {
			continue
		}
		name, _, _ := strings.Cut(said, ":")
		version, err := host.FirstLine("dpkg-query", "-W", "-f", "${Version}\n", name)
		return found{real, filepath.Base(path) + " of " + name + " " + version}, err
	}
	return found{}, fmt.Errorf("%s is of no Debian package", real)
}
