package release

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"pidproof/testdata/need"
)

// A release is everything, with its sums and its bill of materials, or it is refused in a line. The Debian packages have
// tests of their own.
func TestRelease(t *testing.T) {
	need.Program(t, "rpm") // as its packages do
	d := newRepository(t)
	some := []string{"PARTS=tarball rpm apk", "RPM_ARCHES=amd64", "APK_ARCHES=amd64"}
	release := func(variables ...string) (string, error) {
		return d.make(t, variables, append(some, "release")...)
	}
	refuses := func(want string, variables ...string) {
		t.Helper()
		said, err := release(variables...)
		if line, _, _ := strings.Cut(said, "\n"); err == nil || line != "make release: "+want {
			t.Errorf("it says %q (%v), want %q", said, err, want)
		}
		if _, err := os.Stat(d.dir + "/dist"); !os.IsNotExist(err) {
			t.Errorf("%s: and yet there is dist", want)
		}
	}
	refuses("missing: gzip", "PATH="+without(t, "gzip"))
	d.write(t, "unknown", "")
	refuses("the tree is dirty: git status has 1 lines")
	must(t, os.Remove(d.dir+"/unknown"))
	d.write(t, "LICENSE", "")
	refuses("the tree is dirty: git status has 1 lines")
	d.commit(t, second)
	refuses("the commit has no tag: it is " + d.version(t))
	d.git(t, second, "tag", "v0.3.0")
	refuses(`this is 0.3.0, and the top entry of NEWS.md is "0.2.0 (2026-01-02)", not "0.3.0 (YYYY-MM-DD)"`)
	d.write(t, "NEWS.md", "## 0.3.0 (unreleased)\n")
	d.commit(t, second)
	d.git(t, second, "tag", "-f", "v0.3.0")
	refuses(`this is 0.3.0, and the top entry of NEWS.md is "0.3.0 (unreleased)", not "0.3.0 (YYYY-MM-DD)"`)
	d.git(t, second, "checkout", "-q", "v0.2.0")

	if said, err := release(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	var names []string
	entries, err := os.ReadDir(d.dir + "/dist")
	must(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	bill := "pidproof-0.2.0.spdx.json"
	want := []string{"SHA256SUMS", "pidproof-0.2.0-1.x86_64.rpm", "pidproof-0.2.0-r0.x86_64.apk", bill, "pidproof-0.2.0.tar.gz"}
	if !slices.Equal(names, want) {
		t.Errorf("the release is %q, want %q", names, want)
	}
	check := exec.Command("sha256sum", "--check", "--strict", "SHA256SUMS")
	check.Dir = d.dir + "/dist"
	if said := run(t, check); strings.Count(said, ": OK\n") != len(want)-1 {
		t.Errorf("the sums: %s", said)
	}
	text, err := os.ReadFile(d.dir + "/dist/" + bill)
	must(t, err)
	for _, name := range append(want[1:3], "pidproof-0.2.0.tar.gz", "pkg:golang/github.com/alecthomas/kong@") {
		if !strings.Contains(string(text), `"`+name) {
			t.Errorf("the bill of materials has no %s", name)
		}
	}
	if said := run(t, exec.Command("git", "-C", d.dir, "status", "--porcelain")); said != "" {
		t.Errorf("the tree is dirty now: %s", said)
	}
}
