package maintscript

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"pidproof/cmd/pidproof/internal/handover"
)

// database is dpkg's; with --admindir it has another.
var database = "/var/lib/dpkg"

// Package is the one whose script calls us, as Done takes it: dpkg(1) tells its scripts. It is
// "" where no script does, where it is a package of another database, and where dpkg has done
// with it: what a script has started inherits what dpkg has told that.
func Package(ctx context.Context) (string, error) {
	name, arch := os.Getenv("DPKG_MAINTSCRIPT_PACKAGE"), os.Getenv("DPKG_MAINTSCRIPT_ARCH")
	if dir := os.Getenv("DPKG_ADMINDIR"); dir != "" && dir != database {
		return "", nil
	}
	if arch != "" {
		name += ":" + arch
	}
	if !IsName(name) || os.Getenv("DPKG_MAINTSCRIPT_NAME") == "" {
		return "", nil
	}
	done, err := Done(ctx, []string{name})
	switch {
	case err != nil:
		return "", err
	case done:
		return reconfigured(name)
	}
	return name, nil
}

// IsName reports that a package may be called so, with its architecture: no option, and no
// pattern of dpkg-query(1).
func IsName(name string) bool {
	return name != "" && name[0] != '-' && name[0] != ':' && strings.IndexFunc(name, func(r rune) bool {
		return !strings.ContainsRune("+-.:", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z')
	}) < 0
}

// Done reports that dpkg has done with all of some packages: it has configured or removed
// them; or dpkg-reconfigure has, where that has called us. It notes the state of one before it calls a script of it: deb-triggers(5), dpkg(1).
//
// dpkg-query(1) reads what dpkg has in status, and then what in updates. Where dpkg moves the
// latter into the former in between, it has read neither, but what was before: so that it was
// done is not believed then.
func Done(ctx context.Context, packages []string) (bool, error) {
	var names []string
	for _, word := range packages {
		if goesOn, err := reconfigures(word); goesOn || err != nil {
			return false, err
		}
		names = append(names, Plain(word))
	}
	before := Look()
	done, err := askDone(ctx, names)
	return done && Look() == before, err
}

func askDone(ctx context.Context, packages []string) (bool, error) {
	states, err := query(ctx, append([]string{"--show", "--showformat=${db:Status-Status}\n", "--"}, packages...)...)
	return err == nil && allDone(states), err
}

// query asks dpkg-query(1). Of what that knows nothing of (any more) it says nothing.
func query(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "dpkg-query", args...)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", errors.New("dpkg-query: no answer in time")
	case errors.As(err, &exit) && exit.ExitCode() == 1:
	case errors.As(err, &exit):
		complaint, _, _ := strings.Cut(strings.TrimSpace(string(exit.Stderr)), "\n")
		return "", fmt.Errorf("dpkg-query has failed: %s", complaint)
	case err != nil:
		return "", handover.NotExecuted("dpkg-query", err)
	}
	return string(out), nil
}

// Owners are the packages, as Done takes them, that some files are in. They are settled unless
// dpkg has noted something meanwhile: that one is unpacked which has them now, see Done.
func Owners(ctx context.Context, paths []string) (packages []string, settled bool, err error) {
	args := []string{"--search", "--"}
	for _, path := range paths {
		args = append(args, strings.ReplaceAll(path, `\`, `\\`)) // a pattern
	}
	before := Look()
	found, err := query(ctx, args...)
	return ownersIn(found), Look() == before, err
}

// ownersIn reads "PACKAGE, PACKAGE: PATH"; of a diversion, it is other words.
func ownersIn(found string) (packages []string) {
	for line := range strings.Lines(found) {
		names, _, _ := strings.Cut(line, ": ")
		for name := range strings.SplitSeq(names, ", ") {
			if IsName(name) && !slices.Contains(packages, name) {
				packages = append(packages, name)
			}
		}
	}
	return packages
}

// allDone reads a state a line. One that awaits triggers is configured.
func allDone(states string) bool {
	for state := range strings.Lines(states) {
		if slices.Contains([]string{"half-installed", "unpacked", "half-configured"}, strings.TrimSpace(state)) {
			return false
		}
	}
	return true
}

// State of dpkg's database: it differs once dpkg has noted something, or may have.
type State [2]struct {
	when  time.Time
	inode uint64
}

// Look at it. What cannot be looked at is like nothing.
func Look() (s State) {
	for i, name := range []string{"/status", "/updates"} {
		if st, err := os.Stat(database + name); err == nil {
			s[i].when = st.ModTime()
			if is, ok := st.Sys().(*syscall.Stat_t); ok {
				s[i].inode = is.Ino
			}
		}
	}
	return s
}
