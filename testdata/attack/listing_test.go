package attack

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"pidproof/testdata/rounds"
)

// startListing keeps everybody from listing a user's directory or, of none, the threads of his process of a name.
func startListing(t *testing.T, name string, dir ...string) {
	t.Helper()
	file, server := deadFile(t, name)
	path := filepath.Join(users, name)
	copyFile(t, "/srv/bin/listing", path)
	command := exec.Command(path, append([]string{file}, dir...)...)
	command.SysProcAttr = as(nobody)
	p := start(t, command)
	t.Cleanup(server.end) // before who waits for it, whom nobody can kill
	of := fmt.Sprintf("/proc/%d/task", p.pid())
	if len(dir) > 0 {
		of = dir[0]
	}
	until(t, "nobody can list it", func() bool { return waitsToList(t, of) })
}

// waitsToList: ls waits in the kernel.
func waitsToList(t *testing.T, dir string) bool {
	t.Helper()
	ls := exec.Command("/usr/bin/timeout", "-s", "KILL", "0.5", "/bin/ls", dir)
	return ls.Run() != nil
}

// Neither keeps root waiting, nor decides anything: only who goes by the daemon's name could be the daemon.
func TestHeldListings(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		const mine = "/run/lock/mine.pid"
		must(t, os.Mkdir(mine, 0o755))
		must(t, os.WriteFile(mine+"/x.pid", []byte("1\n"), 0o644))
		must(t, os.Chown(mine, nobody, nobody))
		for _, name := range []string{"innocent", "another"} {
			startListing(t, name)
		}
		startListing(t, "lists", mine)
		tried := 0
		for range rounds.Of(1, 20) {
			tried += h.asksAll(t, "beside listings that never come")
		}
		rounds.Held(t, tried)
	})
}
