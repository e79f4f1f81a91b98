package stop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// awaitHold returns when a process holds a pidfd of another: it has looked, and can wait. On a busy machine a command
// that only waits may take long to get there, and the pidfile would be gone.
func awaitHold(holder, held int) error {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if holds(holder, held) {
			return nil
		}
	}
	return fmt.Errorf("after %v it does not wait for the daemon", patience)
}

// holds reads the line Pid of /proc/HOLDER/fdinfo/FD: only a pidfd has it (pidfd_open(2)).
func holds(holder, held int) bool {
	line := fmt.Sprintf("\nPid:\t%d\n", held)
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", holder))
	for _, file := range files {
		info, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(info), line) { // else it was closed meanwhile
			return true
		}
	}
	return false
}
