package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"pidproof/testdata/waiting"
)

// Path is where the measured commands look for programs: an ordinary user's PATH lacks the sbin directories.
const Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Find looks a program up in Path.
func Find(name string) (string, error) {
	for _, dir := range filepath.SplitList(Path) {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: not found", name)
}

// FirstLine runs a command and returns the first line of its output.
func FirstLine(argv ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), waiting.Limit)
	defer cancel()
	said, err := exec.CommandContext(ctx, argv[0], argv[1:]...).Output()
	line, _, _ := bytes.Cut(said, []byte("\n"))
	return string(line), err
}

// StartStopDaemon finds dpkg's program, and its version, also where pidproof was put in its place.
func StartStopDaemon() (path, version string, err error) {
	for _, name := range []string{"start-stop-daemon.real", "start-stop-daemon"} {
		if path, err = Find(name); err != nil {
			continue
		}
		version, err = FirstLine(path, "--version")
		if err == nil && strings.HasPrefix(version, "start-stop-daemon ") {
			return path, "dpkg's " + version, nil
		}
	}
	return "", "", errors.New("dpkg's start-stop-daemon: not found")
}

// Pidof finds sysvinit's pidof, a name of its killall5. procps and busybox have others.
func Pidof() (path, version string, err error) {
	if path, err = Find("pidof"); err != nil {
		return "", "", err
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", "", err
	}
	if filepath.Base(real) != "killall5" {
		return "", "", errors.New("sysvinit's pidof: pidof is another's")
	}
	return path, "pidof of " + packaged("sysvinit-utils"), nil
}

// Busybox finds a busybox that has pidof.
func Busybox() (path, version string, err error) {
	if path, err = Find("busybox"); err != nil {
		return "", "", err
	}
	version, err = FirstLine(path)
	version, _, _ = strings.Cut(version, ")")
	return path, version + ")", err
}

// Pgrep finds procps's pgrep.
func Pgrep() (path, version string, err error) {
	if path, err = Find("pgrep"); err != nil {
		return "", "", err
	}
	if version, err = FirstLine(path, "--version"); err == nil && !strings.Contains(version, "procps") {
		err = errors.New("procps's pgrep: pgrep is another's")
	}
	return path, version, err
}

// packaged names a Debian package with its version, if this is Debian.
func packaged(name string) string {
	version, err := FirstLine("dpkg-query", "-W", "-f", "${Version}\n", name)
	if err != nil {
		return name + " of unknown version"
	}
	return name + " " + version
}
