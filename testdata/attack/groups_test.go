package attack

import (
	"os/exec"
	"strconv"
	"testing"

	"pidproof/testdata/rounds"
)

// With 65,536 supplementary groups a process's status takes the kernel ten milliseconds and more, and a user may have
// thousands of these: newgidmap(1) gives him the groups.
func TestManyGroups(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		total := rounds.Of(800, 3_000)
		copyFile(t, daemon, users+"/idlex") // it is of interest by its name
		command := exec.Command("/srv/bin/groups", users+"/idlex", "-w", strconv.Itoa(total))
		crowd(t, command, total)
		tried := 0
		for range rounds.Of(1, 20) {
			tried += h.isQuiet(t, "beside processes of many groups")
			ask(t, "pidof", "idlex").fits(t, "beside processes of many groups", "0")
		}
		rounds.Held(t, tried)
	})
}
