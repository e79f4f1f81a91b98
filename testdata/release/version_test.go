package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pidproof/testdata/need"
)

// tree is a copy of what scripts/version goes by, in a folder that nobody else's repository is around.
type tree struct{ dir string }

func newTree(t *testing.T, dir, heading string) tree {
	t.Helper()
	must(t, os.MkdirAll(filepath.Join(dir, "scripts"), 0o755))
	script, err := os.ReadFile("../../scripts/version")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "scripts/version"), script, 0o755))
	d := tree{dir}
	d.write(t, "NEWS.md", "# News\n\n"+heading+"\n\n- what is new\n\n## 0.0.1 (2020-01-01)\n")
	return d
}

func (d tree) write(t *testing.T, name, content string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(d.dir, name), []byte(content), 0o644))
}

func (d tree) git(t *testing.T, when string, args ...string) {
	t.Helper()
	cmd := exec.Command(need.Program(t, "git"), append([]string{"-C", d.dir, "-c", "user.name=N", "-c", "user.email=n@example.org", "-c", "init.defaultBranch=main"}, args...)...)
	cmd.Env = append(environment(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_DATE="+when, "GIT_COMMITTER_DATE="+when)
	run(t, cmd)
}

func (d tree) commit(t *testing.T, when string) {
	t.Helper()
	d.git(t, when, "add", "-A")
	d.git(t, when, "commit", "-q", "--allow-empty", "-m", "what was done")
}

// version is what the script says.
func (d tree) version(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("sh", append([]string{d.dir + "/scripts/version"}, args...)...)
	cmd.Env = environment()
	return strings.TrimSuffix(run(t, cmd), "\n")
}

const (
	first  = "2026-01-02T03:04:05Z"
	second = "2026-01-02T04:04:06+01:00" // a second later
)

func TestVersionOfRepository(t *testing.T) {
	d := newTree(t, t.TempDir(), "## 0.2.0 (unreleased)")
	d.git(t, first, "init", "-q")
	var got []string
	says := func(want, apk string) {
		t.Helper()
		version := d.version(t)
		got = append(got, version)
		if shape := commitName.ReplaceAllString(version, "$1.COMMIT"); shape != want {
			t.Errorf("version says %s, want %s", version, want)
		}
		if said := d.version(t, "apk"); said != apk {
			t.Errorf("version apk says %s, want %s", said, apk)
		}
	}
	d.commit(t, first)
	says("0.2.0~git20260102030405.COMMIT", "0.2.0_pre20260102030405")
	d.git(t, first, "tag", "unstable")
	d.git(t, first, "tag", "v-no-version")
	d.commit(t, second)
	says("0.2.0~git20260102030406.COMMIT", "0.2.0_pre20260102030406")
	d.write(t, "NEWS.md", "## 0.2.0 (unreleased)\n\n- more\n")
	says("0.2.0~git20260102030406.COMMIT.dirty", "0.2.0_pre20260102030406_p1")
	d.write(t, "NEWS.md", "## 0.2.0 (2026-01-02)\n")
	d.commit(t, second)
	d.git(t, second, "tag", "-a", "-m", "the first", "v0.2.0")
	says("0.2.0", "0.2.0")
	d.write(t, "added", "") // not known to git
	says("0.2.0", "0.2.0")
	d.write(t, "NEWS.md", "## 0.2.0 (2026-01-02)\n\n- again\n")
	says("0.2.0+dirty", "0.2.0_p1")
	d.commit(t, second)
	says("0.2.0+git20260102030406.COMMIT", "0.2.0_git20260102030406")
	d.write(t, "NEWS.md", "## 0.10.0 (unreleased)\n")
	d.commit(t, second)
	says("0.10.0~git20260102030406.COMMIT", "0.10.0_pre20260102030406")

	if said := d.version(t, "date"); said != "1767323046" {
		t.Errorf("version date says %s", said)
	}
	got = slices.Compact(got) // a file that git does not know changes nothing
	for i, version := range got[1:] {
		newer(t, got[i], version)
	}
}

// newer asks dpkg and rpm.
func newer(t *testing.T, old, version string) {
	t.Helper()
	need.Program(t, "rpm")
	if said, err := exec.Command(need.Program(t, "dpkg"), "--compare-versions", old, "lt", version).CombinedOutput(); err != nil {
		t.Errorf("dpkg: %s is not older than %s: %s", old, version, said)
	}
	if said := run(t, exec.Command("rpm", "--eval", "%{lua:print(rpm.vercmp('"+old+"', '"+version+"'))}")); said != "-1\n" {
		t.Errorf("rpm: %s is not older than %s: %s", old, version, said)
	}
}

// A tree in somebody else's repository takes nothing of that, also where a hook of that calls make.
func TestVersionInOuterRepository(t *testing.T) {
	outer := newTree(t, t.TempDir(), "## 9.0.0 (2026-01-02)")
	inner := newTree(t, outer.dir+"/vendor/pidproof", "## 0.2.0 (unreleased)")
	outer.git(t, first, "init", "-q")
	outer.commit(t, first)
	outer.git(t, first, "tag", "v9.0.0")
	const want = "0.2.0~unknown"
	if said := inner.version(t); said != want {
		t.Errorf("in an outer repository version says %s, want %s", said, want)
	}
	if said := inner.version(t, "apk"); said != "0.2.0_pre0" {
		t.Errorf("in an outer repository version apk says %s", said)
	}
	t.Setenv("GIT_DIR", outer.dir+"/.git")
	if said := inner.version(t); said != want {
		t.Errorf("in an outer repository's hook version says %s, want %s", said, want)
	}
}

// The file that the tarball has comes first, and needs no git.
func TestVersionOfFile(t *testing.T) {
	d := newTree(t, t.TempDir(), "## 0.2.0 (unreleased)")
	path := os.Getenv("PATH")
	t.Setenv("PATH", without(t, "git"))
	if said := d.version(t); said != "0.2.0~unknown" {
		t.Errorf("without git version says %s", said)
	}
	d.write(t, "VERSION", "0.2.1\n")
	must(t, os.Chtimes(d.dir+"/NEWS.md", at(1767323045), at(1767323045)))
	if said := d.version(t); said != "0.2.1" {
		t.Errorf("with VERSION it says %s", said)
	}
	if said := d.version(t, "date"); said != "1767323045" {
		t.Errorf("with VERSION it says as its date %s", said)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "7")
	if said := d.version(t, "date"); said != "7" {
		t.Errorf("with SOURCE_DATE_EPOCH it says as its date %s", said)
	}
	t.Setenv("PATH", path)
	d.git(t, first, "init", "-q")
	d.commit(t, first)
	d.git(t, first, "tag", "v3.0.0")
	if said := d.version(t); said != "0.2.1" {
		t.Errorf("with VERSION and a tag it says %s", said)
	}
}

func TestVersionRefuses(t *testing.T) {
	for _, c := range []struct{ version, heading, args, want string }{
		{"", "## later", "", "version: the top entry of NEWS.md has no version: later\n"},
		{"", "## 0.2-0 (unreleased)", "", "version: the top entry of NEWS.md has no version: 0.2-0 (unreleased)\n"},
		{"0.2.0 -X main.x=1\n", "## 0.2.0", "", "version: VERSION holds no version: 0.2.0 -X main.x=1\n"},
		{"0.2.0\n0.2.1\n", "## 0.2.0", "", "version: VERSION holds no version: 0.2.0\n0.2.1\n"},
		{"\n", "## 0.2.0", "", "version: VERSION holds no version: \n"},
		{"0.2.0~x\n", "## 0.2.0", "apk", "version: apk has no such version: 0.2.0~x\n"},
		{"0.2.0\n", "## 0.2.0", "deb", "version: usage: version [apk|date|news]\n"},
	} {
		d := newTree(t, t.TempDir(), c.heading)
		if c.version != "" {
			d.write(t, "VERSION", c.version)
		}
		cmd := exec.Command("sh", append([]string{d.dir + "/scripts/version"}, strings.Fields(c.args)...)...)
		cmd.Env = environment()
		said, err := cmd.CombinedOutput()
		if err == nil || string(said) != c.want {
			t.Errorf("%+v: %v, %q", c, err, said)
		}
	}
}
