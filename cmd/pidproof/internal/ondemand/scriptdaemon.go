package ondemand

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"pidproof/cmd/pidproof/internal/shellvars"
)

// scriptDaemon is what an init script says it runs, as Debian's skeleton has it:
// DAEMON=/usr/sbin/foo. "" where it says that otherwise, or there is no script.
func scriptDaemon(path string) (string, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if !strings.HasPrefix(lines.Text(), "DAEMON=") {
			continue
		}
		vars, err := shellvars.Parse([]byte(lines.Text()))
		if daemon := vars["DAEMON"].Value; err == nil && strings.HasPrefix(daemon, "/") {
			return daemon, nil
		}
	}
	return "", unread(path, lines.Err())
}

// unread is why a file was not read to its end, if it was not; a line that is longer than
// any that matters is the end. It is never "not there": the file is open.
func unread(path string, err error) error {
	if err == nil || errors.Is(err, bufio.ErrTooLong) {
		return nil
	}
	return fmt.Errorf("reading %s: %v", path, err)
}
