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

// What is copied with the line that a command has to itself is the command: a full stop behind
// it became a part of a file's name, and a bracket was a subshell.
func TestCommandsStandAlone(t *testing.T) {
	long := "/run/" + strings.Repeat("d", 60) + "/d.pid"
	for _, text := range []string{
		"Write it anew: " + Command("rm", "-f", long) + ".",
		"If it is stale, remove it (" + Command("rm", "-f", long) + "). Then ask again.",
		"Lost or wrong: " + Command("rm", "-f", long) + " mends that.",
		"One (" + Command("rm", "-f", long) + "), two (" + Command("rm", "-f", long) + ").",
	} {
		var out strings.Builder
		Page{W: &out}.Put("Next", text)
		if got, want := strings.Count(out.String(), "\n          rm -f "+long+"\n"), strings.Count(Unfolded(text), "rm"); got != want {
			t.Errorf("%d lines are the command, not %d, in\n%s", got, want, &out)
		}
	}
}

// A name is no command, whatever is in it.
func TestNamesAreNoCommands(t *testing.T) {
	var out strings.Builder
	Page{W: &out}.Put("Pidfile", strings.Repeat("x", 60)+" \x1erm\x1f-rf\x1f/\x1e")
	if !strings.Contains(out.String(), `\x1erm\x1f-rf\x1f/\x1e`) {
		t.Errorf("not escaped: %q", &out)
	}
}
