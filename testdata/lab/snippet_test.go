package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// snippet is the shell code that the README recommends to authors of init scripts.
func snippet(t *testing.T) string { return readmeCommands(t, "init-script") }

// readmeCommands is the shell code that the README has under a name.
func readmeCommands(t *testing.T, name string) string {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, marked := strings.Cut(string(readme), "<!-- snippet: "+name+" -->\n```sh\n")
	code, _, ends := strings.Cut(rest, "```\n")
	if !marked || !ends {
		t.Fatalf("README.md has no ```sh block after <!-- snippet: %s -->", name)
	}
	return code
}

// withSnippet returns a copy of foo's init script that has the snippet in place of Debian's pidof block.
func withSnippet(t *testing.T, h *Host) string {
	t.Helper()
	before, rest, begins := strings.Cut(h.Must(t, "cat "+main.script()), "\tif pidof $DAEMON >")
	_, after, ends := strings.Cut(rest, "\n\tfi\n")
	if !begins || !ends || strings.Contains(after, "pidof $DAEMON") {
		t.Fatal("do_stop of Debian's script no longer has the block that this test replaces")
	}
	const folder = "/usr/local/lib/init.d"
	// Debian's script for a second instance is one line that reads the main one; its own name says which instance.
	second := strings.Replace(h.Must(t, "cat "+foo.script()), "\n. "+main.script(), "\n. "+folder+"/apache2", 1)
	dir := t.TempDir()
	for name, script := range map[string]string{"apache2": before + snippet(t) + after, "apache2-foo": second} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h.Must(t, "mkdir "+folder)
	h.Copy(t, dir, folder)
	h.Must(t, "grep -F '. "+folder+"/apache2' "+folder+"/apache2-foo")
	return folder + "/apache2-foo"
}

// apRet runs the snippet alone, in the strictest shell options, and returns what it sets.
func apRet(t *testing.T, h *Host, pidfile string) string {
	t.Helper()
	return h.Must(t, "set -eu\nDAEMON=/usr/sbin/apache2 PIDFILE="+pidfile+"\n"+snippet(t)+"\nprintf %s \"$AP_RET\"")
}
