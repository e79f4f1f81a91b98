package ondemand

import (
	"bufio"
	"os"
	"strings"

	"pidproof/cmd/pidproof/internal/shellvars"
)

// scriptDaemon is what an init script says it runs, as Debian's skeleton has it:
// DAEMON=/usr/sbin/foo. "" where it says that otherwise.
func scriptDaemon(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if !strings.HasPrefix(lines.Text(), "DAEMON=") {
			continue
		}
		vars, err := shellvars.Parse([]byte(lines.Text()))
		if daemon := vars["DAEMON"].Value; err == nil && strings.HasPrefix(daemon, "/") {
			return daemon
		}
	}
	return ""
}
