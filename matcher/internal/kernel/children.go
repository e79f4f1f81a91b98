package kernel

import (
	"os"
	"strconv"
	"strings"

	"pidproof/matcher/internal/fact"
)

// childrenLimit is how much is read of the children of one thread.
const childrenLimit = 64 << 10

// Children lists those of a process: each of its threads has some
// (/proc/PID/task/TID/children, proc_pid_task(5)). On a kernel without CONFIG_PROC_CHILDREN
// that is an error.
func (h *System) Children(pid int) (children []int, err error) {
	task := h.PidPath(pid, "task")
	threads, err := os.ReadDir(task)
	if err != nil {
		return nil, err
	}
	for _, thread := range threads {
		err := readProcFile(task+"/"+thread.Name()+"/children", childrenLimit, func(content []byte) error {
			for _, word := range strings.Fields(string(content)) {
				child, err := strconv.Atoi(word)
				if err != nil {
					return err
				}
				children = append(children, child)
			}
			return nil
		})
		if fact.Vanished(err) {
			if _, statErr := os.Stat(task + "/" + thread.Name()); fact.Vanished(statErr) { // it has ended
				continue
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return children, nil
}
