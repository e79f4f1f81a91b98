package scan

import (
	"bytes"
	"fmt"
	"os"
	"time"
)

// awaitIdle returns when all these processes sleep. One that has only just been started still has to load its
// libraries: thousands would be measured along.
func awaitIdle(pids []int) error {
	deadline := time.Now().Add(commandPatience)
	for _, pid := range pids {
		for {
			state, err := stateOf(pid)
			if err != nil {
				return err
			}
			if state == 'S' {
				break
			}
			if state == 'Z' || time.Now().After(deadline) {
				return fmt.Errorf("the process %d does not sleep, it is in state %c", pid, state)
			}
			time.Sleep(time.Millisecond)
		}
	}
	return nil
}

// stateOf reads the third field of /proc/PID/stat: it follows the name, which may hold anything (proc_pid_stat(5)).
func stateOf(pid int) (byte, error) {
	path := fmt.Sprintf("/proc/%d/stat", pid)
	stat, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	at := bytes.LastIndex(stat, []byte(") "))
	if at < 0 || at+2 >= len(stat) {
		return 0, fmt.Errorf("%s: no state in %q", path, stat)
	}
	return stat[at+2], nil
}
