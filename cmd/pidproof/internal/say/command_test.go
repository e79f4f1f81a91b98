package say

import (
	"strings"
	"testing"
)

// A command that is folded inside its quotes is another one: pasted, it emptied the pidfile.
func TestCommandsAreNotFolded(t *testing.T) {
	var out strings.Builder
	write := Command("runuser", "-u", "nobody", "--", "sh", "-c", "echo 666 >/run/dmd/dmd.pid")
	Page{W: &out}.Put("Next", "If they are this one's, and it is lost or wrong, let its user write it: "+write+" and ask again, or remove it: "+Command("rm", "/run/a b;c/d.pid")+" \x1b[31m")
	const want = `runuser -u nobody -- sh -c 'echo 666 >/run/dmd/dmd.pid'`
	for _, command := range []string{want, "rm '/run/a b;c/d.pid'", `\x1b[31m`} {
		if !strings.Contains(out.String(), command) {
			t.Errorf("%s is not in\n%s", command, &out)
		}
	}
	if got := Unfolded(write); got != want {
		t.Errorf("got %s", got)
	}
}
