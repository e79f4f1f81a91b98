package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

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
		err = errors.New("this machine is not Debian 12")
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
	debian, path, err := ofTrixie(programs, "/usr/sbin/killall5", "pidof")
	if err != nil {
		return found{}, err
	}
	status := "--admindir=" + filepath.Join(debian.Root, "var/lib/dpkg")
	version, err := host.FirstLine("dpkg-query", status, "-W", "-f", "${Version}\n", "sysvinit-utils")
	return found{path, "pidof of sysvinit-utils " + version}, err
}

func startStopDaemonOfTrixie(programs string) (found, error) {
	_, path, err := ofTrixie(programs, "/usr/sbin/start-stop-daemon", "start-stop-daemon")
	if err != nil {
		return found{}, err
	}
	version, err := host.FirstLine(path, "--version")
	return found{path, "dpkg's " + version}, err
}

func ofTrixie(programs, program, name string) (debian debs.Debian, path string, err error) {
	debian, err = debs.Trixie()
	if err == nil {
		path, err = debian.Program(program, name, filepath.Join(programs, "trixie-"+name))
	}
	return debian, path, err
}
