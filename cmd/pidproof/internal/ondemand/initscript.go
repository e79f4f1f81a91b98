package ondemand

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"pidproof/cmd/pidproof/internal/shellvars"
)

// InitScript is what an init script says that it runs; "" where it says that in a way that
// takes a shell to find out.
type InitScript struct{ Daemon, Pidfile string }

// ReadInitScript reads /etc/init.d/NAME, and what it includes of /etc/default and of
// /etc/init.d, for what Debian's skeleton, our example and OpenRC's scripts assign: DAEMON
// and PIDFILE, daemon and pidfile, command and pidfile. The last assignment counts, as for
// a shell, but only those outside of all functions and conditions: those that begin a line.
func ReadInitScript(name string) (InitScript, error) { return readInitScript("/etc/init.d/" + name) }

func readInitScript(path string) (InitScript, error) {
	r := scriptReader{name: path[strings.LastIndex(path, "/")+1:], vars: map[string]string{}}
	err := r.read(path)
	return InitScript{r.path("DAEMON", "daemon", "command"), r.path("PIDFILE", "pidfile", "PID_FILE")}, err
}

type scriptReader struct {
	name string // how it is called: $0's last part
	vars map[string]string
	seen []string
}

// included are the directories of which a script's includes are read; at most filesLimit files.
var included = []string{"/etc/default/", "/etc/init.d/", "/etc/conf.d/"}

const filesLimit = 8

func (r *scriptReader) read(path string) error {
	if slices.Contains(r.seen, path) || len(r.seen) >= filesLimit {
		return nil
	}
	r.seen = append(r.seen, path)
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, shellvars.Limit)) // what matters stands at the top
	if err != nil {
		return unread(path, err)
	}
	for line := range strings.Lines(string(content)) {
		if err := r.line(strings.TrimRight(line, "\n")); err != nil {
			return err
		}
	}
	return nil
}

// line takes an assignment, or follows an include, also a conditional one:
// [ -r FILE ] && . FILE.
func (r *scriptReader) line(line string) error {
	for _, prefix := range []string{"export ", "readonly "} {
		line = strings.TrimPrefix(line, prefix)
	}
	if name, _, is := strings.Cut(line, "="); is && plainName(name) {
		delete(r.vars, name)
		if expanded, ok := r.expand(line); ok {
			if vars, err := shellvars.Parse([]byte(expanded)); err == nil {
				r.vars[name] = vars[name].Value
			}
		}
		return nil
	}
	words := strings.Fields(line)
	for i := 1; i < len(words); i++ {
		if words[i-1] != "." || strings.HasPrefix(words[0], "#") {
			continue
		}
		path, ok := r.expand(strings.Trim(words[i], `";`))
		if ok && slices.ContainsFunc(included, func(dir string) bool { return strings.HasPrefix(path, dir) }) {
			return r.read(path)
		}
	}
	return nil
}

// expand puts in the variables that are known, and the script's own name, in the ways that
// scripts ask for it. ok is false where it takes a shell.
func (r *scriptReader) expand(text string) (expanded string, ok bool) {
	const own = "${0##*/}"
	text = strings.NewReplacer(`$(basename $0)`, own, `$(basename "$0")`, own, "`basename $0`", own).Replace(text)
	if !strings.Contains(text, "$") {
		return text, true
	}
	ok = !strings.ContainsAny(text, `'\`) // there it may be no variable
	expanded = os.Expand(text, func(name string) string {
		name, otherwise, _ := strings.Cut(name, ":-")
		value := r.vars[name]
		switch {
		case name == "0##*/" || name == "RC_SVCNAME" || name == "SVCNAME":
			value = r.name
		case name == "0":
			value = "/etc/init.d/" + r.name
		case value == "":
			value = otherwise
		}
		ok = ok && value != "" && strings.Trim(value, pathLetters) == ""
		return value
	})
	return expanded, ok
}

// pathLetters mean themselves to a shell, quoted or not.
const pathLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+@:-"

// plainName is a variable's.
func plainName(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}

// path is the first of these variables that holds one.
func (r *scriptReader) path(names ...string) string {
	for _, name := range names {
		if strings.HasPrefix(r.vars[name], "/") {
			return r.vars[name]
		}
	}
	return ""
}

// unread is why a file was not read to its end, if it was not; a line that is longer than
// any that matters is the end. It is never "not there": the file is open.
func unread(path string, err error) error {
	if err == nil || errors.Is(err, bufio.ErrTooLong) {
		return nil
	}
	return fmt.Errorf("reading %s: %v", path, err)
}
