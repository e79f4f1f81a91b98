package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"pidproof/testdata/bench/host"
)

// peer is a program, or a file of functions, that answers beside pidproof.
type peer string

const (
	busybox   peer = "busybox"
	functions peer = "Debian's LSB functions"
	shell     peer = "sh"
	self      peer = "pidproof"
)

// found is where a peer is, and which version.
type found struct{ Path, Version string }

// peers is what this machine has.
type peers map[peer]found

func (p peers) has(t tool) bool {
	_, ok := p[t.needs]
	return ok || t.needs == ""
}

// findPeers looks for all of them. One that is missing is left out, but in CI nothing may be, nor in what is published.
func findPeers(programs string, publish bool) (peers, error) {
	all := peers{}
	var missing []string
	for _, p := range []struct {
		peer
		from string // the Debian package; "" for pidproof, which make builds
		find func() (found, error)
	}{
		{self, "", func() (found, error) {
			path := filepath.Join(programs, "pidproof")
			version, err := host.FirstLine(path, "-V")
			return found{path, version}, err
		}},
		{bookworm.pidof, "sysvinit-utils", ofBookworm(host.Pidof)},
		{trixie.pidof, "apt", func() (found, error) { return pidofOfTrixie(programs) }},
		{busybox, "busybox", func() (found, error) {
			path, version, err := host.Busybox()
			return found{path, version}, err
		}},
		{bookworm.dpkg, "dpkg", ofBookworm(host.StartStopDaemon)},
		{trixie.dpkg, "apt", func() (found, error) { return startStopDaemonOfTrixie(programs) }},
		{functions, "sysvinit-utils", func() (found, error) { return ofPackage("/lib/lsb/init-functions") }},
		{shell, "dash", func() (found, error) {
			path, err := filepath.EvalSymlinks("/bin/sh")
			return found{path, "sh is " + filepath.Base(path)}, err
		}},
	} {
		f, err := p.find()
		switch {
		case err == nil:
			all[p.peer] = f
		case p.peer == self:
			return nil, err
		default:
			why, _, _ := strings.Cut(err.Error(), "\n")
			missing = append(missing, fmt.Sprintf("%s (apt install %s)", why, p.from))
		}
	}
	if publish {
		return all, publishable(all[self].Version, missing)
	}
	if missing != nil && os.Getenv("CI") != "" {
		return all, fmt.Errorf("in CI none may be left out: %s", strings.Join(missing, "; "))
	}
	for _, left := range missing {
		fmt.Fprintf(os.Stderr, "compare: left out: %s\n", left)
	}
	return all, nil
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
