package release

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pidproof/testdata/need"
)

const (
	released = "0.2.0"
	day      = "2026-01-02"
)

// newRepository makes a repository of one commit out of the files of this tree: v0.2.0, of which NEWS.md says the day.
func newRepository(t *testing.T) tree {
	t.Helper()
	d := tree{filepath.Join(t.TempDir(), "repository")}
	list := exec.Command(need.Program(t, "git"), "-C", "../..", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
	files, err := list.Output()
	if err != nil {
		t.Fatalf("%v: %v: these tests are for the repository, not for the tarball that it makes", list, err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(files), "\x00"), "\x00") {
		info, err := os.Stat("../../" + name)
		if os.IsNotExist(err) {
			continue // a change deletes it
		}
		must(t, err)
		content, err := os.ReadFile("../../" + name)
		must(t, err)
		must(t, os.MkdirAll(filepath.Join(d.dir, filepath.Dir(name)), 0o755))
		must(t, os.WriteFile(filepath.Join(d.dir, name), content, info.Mode()))
	}
	news, err := os.ReadFile(d.dir + "/NEWS.md")
	must(t, err)
	top, rest, _ := bytes.Cut(news, []byte("## "))
	_, rest, _ = bytes.Cut(rest, []byte("\n"))
	d.write(t, "NEWS.md", string(top)+"## "+released+" ("+day+")\n"+string(rest))
	d.git(t, first, "init", "-q")
	d.commit(t, first)
	d.git(t, first, "tag", "v"+released)
	return d
}

// clone is another's copy, in another place, with other permissions.
func (d tree) clone(t *testing.T) tree {
	t.Helper()
	other := tree{filepath.Join(t.TempDir(), "other place")}
	run(t, exec.Command("sh", "-c", `umask 077; git -c advice.detachedHead=false clone -q "$1" "$2"`, "sh", d.dir, other.dir))
	return other
}

// make runs make in it, with variables that it adds to the environment.
func (d tree) make(t *testing.T, variables []string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("make", append([]string{"-s", "-C", d.dir}, args...)...)
	cmd.Env = append(environment(), variables...)
	said, err := cmd.CombinedOutput()
	return string(said), err
}

func (d tree) must(t *testing.T, variables []string, args ...string) string {
	t.Helper()
	said, err := d.make(t, variables, args...)
	if err != nil {
		t.Fatalf("make %v: %v\n%s", args, err, said)
	}
	return said
}

// same fails unless two files have the same bytes.
func same(t *testing.T, one, other string) {
	t.Helper()
	a, err := os.ReadFile(one)
	must(t, err)
	b, err := os.ReadFile(other)
	must(t, err)
	if !bytes.Equal(a, b) {
		t.Errorf("%s and %s, of %d and %d bytes, are not the same", one, other, len(a), len(b))
	}
}
