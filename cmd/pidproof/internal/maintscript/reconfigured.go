package maintscript

import (
	"fmt"
	"os"
	"strings"

	"pidproof/matcher/host"
)

// dpkg-reconfigure(8) calls the scripts of a package, prerm first and postinst last, as dpkg
// does, and dpkg knows of nothing: to that the package is installed all the time. So who is
// called by it is done when it has ended.

// reconfigurer is its comm: the kernel keeps 15 bytes, proc_pid_comm(5).
const reconfigurer = "dpkg-reconfigur"

// reconfigured is a package as Done takes it, with the process that calls its scripts; ""
// where none does.
func reconfigured(name string) (string, error) {
	if os.Getenv("DEBCONF_RECONFIGURE") == "" {
		return "", nil
	}
	ancestors, err := host.Ancestors(os.Getppid())
	for _, pid := range ancestors {
		comm, started, err := host.Life(pid)
		if err != nil {
			return "", err
		}
		if comm == reconfigurer {
			return fmt.Sprintf("%s@%d.%d", name, pid, started), nil
		}
	}
	return "", err
}

// IsAwaited reports that Done takes a word.
func IsAwaited(word string) bool {
	name, by, is := strings.Cut(word, "@")
	_, _, err := processOf(by)
	return IsName(name) && (!is || err == nil)
}

// Plain is a package without the process.
func Plain(word string) string {
	name, _, _ := strings.Cut(word, "@")
	return name
}

func processOf(word string) (pid int, started uint64, err error) {
	_, err = fmt.Sscanf(word, "%d.%d", &pid, &started)
	return pid, started, err
}

// reconfigures reports that such a process goes on.
func reconfigures(word string) (bool, error) {
	_, by, is := strings.Cut(word, "@")
	if !is {
		return false, nil
	}
	pid, started, err := processOf(by)
	if err != nil {
		return false, err
	}
	_, now, err := host.Life(pid)
	return now == started && now != 0, err
}
