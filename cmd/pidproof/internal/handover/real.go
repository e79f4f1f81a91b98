package handover

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// The programs that pidproof stands before.
const (
	StartStopDaemon  = "start-stop-daemon"
	InvokeRC         = "invoke-rc.d"
	DebSystemdInvoke = "deb-systemd-invoke"
)

// diversions is dpkg's list: three lines each, the path, where it went, the package.
const diversions = "/var/lib/dpkg/diversions"

// ToReal hands the arguments, unchanged, to the real program.
func ToReal(name string, args []string) error {
	path, err := FindReal(name)
	if err != nil {
		return err
	}
	// busybox goes by the name it is called.
	return To(path, append([]string{name}, args...))
}

// FindReal looks where scripts/divert and dpkg-divert(1) have put the real program,
// then in PATH and the sbin directories, where what is ours does not count; nor does a
// script as start-stop-daemon, which may be anybody's wrapper. Where one cannot be looked
// at, none is taken: the next may be another program, or our own wrapper, for ever.
func FindReal(name string) (string, error) {
	elsewhere, err := divertedTo(name)
	if err != nil {
		return "", err
	}
	diverted := append([]string{"/usr/sbin/" + name + ".real", "/sbin/" + name + ".real", "/usr/bin/" + name + ".real"}, elsewhere...)
	if called := CalledAs(); filepath.IsAbs(called) {
		diverted = append([]string{filepath.Join(filepath.Dir(called), name+".real")}, diverted...)
	}
	for _, path := range diverted {
		if its, err := isReal(path, false); its || err != nil {
			return path, err
		}
	}
	for _, dir := range slices.Concat(filepath.SplitList(os.Getenv("PATH")), sbin, []string{"/usr/bin"}) {
		if !filepath.IsAbs(dir) {
			continue
		}
		path := filepath.Join(dir, name)
		if its, err := isReal(path, name == StartStopDaemon); its || err != nil {
			return path, err
		}
	}
	if name == StartStopDaemon {
		return "", errors.New("there is no real start-stop-daemon on this host, and pidproof starts nothing by itself: install dpkg's, busybox's or OpenRC's")
	}
	return "", fmt.Errorf("there is no real %s on this host: install init-system-helpers", name)
}

// CalledAs is the file that was called to start us, as far as its name tells: a shell
// that found it in PATH passes on only that, and one that was given a relative path, it.
func CalledAs() string {
	called := os.Args[0]
	if !strings.Contains(called, "/") {
		path, err := exec.LookPath(called)
		if err != nil && !errors.Is(err, exec.ErrDot) {
			return called
		}
		called = path
	}
	if path, err := filepath.Abs(called); err == nil {
		return path
	}
	return called
}

// RealIsOpenRC reports that the real start-stop-daemon is OpenRC's, which reads other
// options than dpkg's: openrc-run(8) tells it the service by RC_SVCNAME.
func RealIsOpenRC() bool {
	path, err := FindReal(StartStopDaemon)
	if err != nil {
		return false
	}
	content, err := readProgram(path)
	return err == nil && bytes.Contains(content, []byte("RC_SVCNAME"))
}

// sbin are where daemons live, and where an administrator's PATH may not lead.
var sbin = []string{"/usr/local/sbin", "/usr/sbin", "/sbin"}

// Diversion is one of dpkg's: of a path, to another, by a package, or ":" by an administrator.
type Diversion struct{ From, To, By string }

// Diversions are those of a program, whatever folder it is in; none on a host without dpkg.
func Diversions(name string) ([]Diversion, error) {
	content, err := os.ReadFile(diversions)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // not dpkg's host
	}
	return parseDiversions(string(content), name), err
}

func divertedTo(name string) (paths []string, err error) {
	all, err := Diversions(name)
	for _, d := range all {
		paths = append(paths, d.To)
	}
	return paths, err
}

func parseDiversions(content, name string) (found []Diversion) {
	lines := strings.Split(content, "\n")
	for i := 0; i+2 < len(lines); i += 3 {
		if filepath.Base(lines[i]) == name && filepath.IsAbs(lines[i+1]) {
			found = append(found, Diversion{lines[i], lines[i+1], lines[i+2]})
		}
	}
	return found
}

// IsProgram passes over what execvp(3) does.
func IsProgram(path string) (bool, error) {
	st, err := os.Stat(path)
	for _, none := range []error{fs.ErrNotExist, syscall.ENOTDIR, syscall.EACCES, syscall.ELOOP} {
		if errors.Is(err, none) {
			return false, nil
		}
	}
	return err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0, err
}

// isReal reports that a program, or a binary, is there, and is not ours.
func isReal(path string, binary bool) (bool, error) {
	if its, err := IsProgram(path); err != nil || !its {
		return false, err
	}
	content, err := readProgram(path)
	if errors.Is(err, fs.ErrPermission) { // an ordinary user's question; ours can be read
		return !binary, nil
	}
	return err == nil && (!binary || bytes.HasPrefix(content, []byte("\x7fELF"))) && !isPidproof(content), err
}

// isPidproof reports that a program is ours, by what go build writes into each
// (runtime/debug.BuildInfo): a copy of us, also of another version, would hand over
// to us, for ever. debug/buildinfo would read it more nicely, and add an eighth to
// the binary.
func isPidproof(content []byte) bool {
	return bytes.Contains(content, []byte("path\tpidproof/cmd/pidproof\n")) ||
		bytes.Contains(content, []byte("\n# pidproof: stands before ")) // our wrapper, a script
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
