// Package registry keeps the registered instances of a host: one file of shell
// assignments each, in a directory that only root writes.
//
//	# Read by pidproof(8), never executed.
//	DAEMON=/usr/sbin/apache2
//	PIDFILE=/run/apache2-foo/apache2.pid
//	RESTART='invoke-rc.d apache2-foo restart'
//
// The file's name is the registration's. Files are for administrators to edit:
// one that is there is never written again, only removed.
package registry

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"pidproof/cmd/pidproof/internal/shellvars"
)

// Dir is where registrations are, unless the caller says otherwise.
const Dir = "/etc/pidproof/instances.d"

// nameLimit is how long a name may be; a file's may be 255 bytes, and needs room
// for what editors and dpkg put after it.
const nameLimit = 100

var (
	// ErrName is wrapped where a name is none that a registration may have.
	ErrName = errors.New("is no name for a registration")
	// ErrInvalid is wrapped where a daemon, pidfile or restart command is none that
	// may be registered.
	ErrInvalid = errors.New("cannot be registered")
	// ErrTaken is wrapped where the name or the pidfile is registered otherwise.
	ErrTaken = errors.New("is taken")
)

// Registration is one registered instance.
type Registration struct {
	Name    string
	Daemon  string   // absolute; may be gone
	Pidfile string   // absolute; may be absent
	Restart []string // the command's words, run without a shell; never empty from Read
	File    string   // where it was read from
}

// Command is the restart command as a person would type it.
func (r Registration) Command() string {
	quoted := make([]string, len(r.Restart))
	for i, word := range r.Restart {
		quoted[i] = shellvars.Quote(word)
	}
	return strings.Join(quoted, " ")
}

// defaultRestart goes through invoke-rc.d(8), so that policy-rc.d is asked.
func defaultRestart(name string) []string { return []string{"invoke-rc.d", name, "restart"} }

// checkName keeps names to what is safe as a file's, and in a shell.
func checkName(name string) error {
	why := ""
	switch {
	case name == "":
		why = "it is empty"
	case len(name) > nameLimit:
		why = fmt.Sprintf("it is longer than %d bytes", nameLimit)
	case strings.Contains(name, ".."):
		why = `it holds ".."`
	case strings.IndexFunc(name, func(r rune) bool { return !letterOrDigit(r) && !strings.ContainsRune("._+@-", r) }) >= 0:
		why = "write letters, digits and . _ + @ - only"
	case !letterOrDigit(rune(name[0])):
		why = "begin it with a letter or digit"
	case passedOver(name):
		why = "it ends like a backup, and such files are not read"
	default:
		return nil
	}
	return fmt.Errorf("%q %w: %s", name, ErrName, why)
}

func letterOrDigit(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

// passedOver reports the files that nobody means for a registration: hidden ones,
// editors' backups, patch(1)'s, and what dpkg and ucf(1) put beside a file.
func passedOver(name string) bool {
	ends := func(suffix string) bool { return strings.HasSuffix(name, suffix) }
	extension := filepath.Ext(name)
	return strings.HasPrefix(name, ".") || slices.ContainsFunc([]string{"~", ".bak", ".swp", ".orig", ".rej"}, ends) ||
		strings.HasPrefix(extension, ".dpkg-") || strings.HasPrefix(extension, ".ucf-")
}

// checkPath wants a path that says the same to everybody, now and later.
func checkPath(what, path string) error {
	switch {
	case path == "":
		return fmt.Errorf("%s is empty: write an absolute path", what)
	case !strings.HasPrefix(path, "/"):
		return fmt.Errorf("%s is the relative path %q: write an absolute one", what, path)
	case strings.HasSuffix(path, "/"):
		return fmt.Errorf("%s is %q, a directory: write the path of a file", what, path)
	case slices.Contains(strings.Split(path, "/"), ".."):
		return fmt.Errorf("%s is %q: write it without \"..\"", what, path)
	case !writable(path):
		return fmt.Errorf("%s is %q: control characters, and bytes that are no UTF-8, cannot be registered", what, path)
	case len(path) >= unix.PathMax:
		return fmt.Errorf("%s has %d bytes: a path has fewer than %d", what, len(path), unix.PathMax)
	}
	return nil
}

// checkRestart wants a command that can be run without a shell, from anywhere.
func checkRestart(words []string) error {
	switch command := strings.Join(words, " "); {
	case len(words) == 0 || words[0] == "":
		return errors.New("RESTART is empty: write a command, or remove the line for invoke-rc.d")
	case strings.Contains(words[0], "="):
		return fmt.Errorf("RESTART begins with %q, and there is no shell to set a variable: write env before it", words[0])
	case !writable(command):
		return fmt.Errorf("RESTART is %q: control characters, and bytes that are no UTF-8, cannot be registered", command)
	case strings.Contains(words[0], "/"):
		return checkPath("the program in RESTART", words[0])
	}
	return nil
}

// writable reports what a line of assignments can hold.
func writable(text string) bool {
	control := func(r rune) bool { return unicode.IsControl(r) && r != '\t' }
	return utf8.ValidString(text) && !strings.ContainsFunc(text, control)
}

// check is what Read would say of the registration.
func (r Registration) check() error {
	if err := checkName(r.Name); err != nil {
		return err
	}
	err := cmp.Or(checkPath("DAEMON", r.Daemon), checkPath("PIDFILE", r.Pidfile), checkRestart(r.Restart))
	if size := len(r.content()); err == nil && size > shellvars.Limit {
		err = fmt.Errorf("RESTART is too long, with %d bytes in all: call a script instead", size)
	}
	if err != nil {
		return fmt.Errorf("%s %w: %w", r.Name, ErrInvalid, err)
	}
	return nil
}
