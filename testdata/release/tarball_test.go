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

const tarball = "pidproof-" + released + ".tar.gz"

// The tarball is the same from wherever, and a host without network, git and modules installs pidproof from it.
func TestTarball(t *testing.T) {
	need.Root(t) // who may leave the network
	need.Program(t, "unshare")
	d := newRepository(t)
	d.must(t, nil, "tarball")
	other := d.clone(t)
	other.must(t, []string{"TZ=Asia/Tokyo", "LC_ALL=C.UTF-8"}, "tarball", "DIST="+other.dir+"/elsewhere")
	same(t, d.dir+"/dist/"+tarball, other.dir+"/elsewhere/"+tarball)
	if left, err := os.ReadDir(d.dir + "/dist"); err != nil || len(left) != 1 {
		t.Errorf("beside the tarball there is %v, %v", left, err)
	}

	dest := t.TempDir()
	run(t, exec.Command("tar", "-C", dest, "-xf", d.dir+"/dist/"+tarball))
	unpacked := tree{filepath.Join(dest, strings.TrimSuffix(tarball, ".tar.gz"))}
	// The outer repository is nobody's business.
	outer := tree{dest}
	outer.git(t, first, "init", "-q")
	outer.git(t, first, "commit", "-q", "--allow-empty", "-m", "of somebody else")
	outer.git(t, first, "tag", "v9.0.0")

	offline := []string{"PATH=" + without(t, "git"), "GOFLAGS=-mod=vendor", "GOPROXY=off", "GOTOOLCHAIN=local", "GOMODCACHE=" + t.TempDir()}
	build := exec.Command("unshare", "--net", "make", "-s", "-C", unpacked.dir)
	build.Env = append(environment(), offline...)
	run(t, build)
	root := t.TempDir()
	unpacked.must(t, []string{"PATH=" + without(t, "go")}, "install", "PREFIX=/usr", "DESTDIR="+root)
	if said := run(t, exec.Command(root+"/usr/sbin/pidproof", "version")); said != "pidproof "+released+"\n" {
		t.Errorf("what is installed from the tarball says %q", said)
	}
	if said, err := unpacked.make(t, nil, "tarball"); err == nil || !strings.Contains(said, "tarball: this tree has a VERSION: it is from a tarball already\n") {
		t.Errorf("a tarball from the tarball: %v, %s", err, said)
	}
	must(t, os.Remove(unpacked.dir+"/VERSION"))
	if said, err := unpacked.make(t, nil, "tarball"); err == nil || !strings.Contains(said, "tarball: this tree is no git repository of its own: what belongs to it is not known\n") {
		t.Errorf("a tarball from a tree that belongs to nobody: %v, %s", err, said)
	}
}

// What a change has added and deleted, and git does not know yet, is not in it.
func TestTarballOfChangedTree(t *testing.T) {
	d := newRepository(t)
	must(t, os.Remove(d.dir+"/scripts/default"))
	d.write(t, "scripts/unknown", "")
	d.write(t, "LICENSE", "changed\n")
	d.must(t, nil, "tarball")
	name := "pidproof-" + released + "+dirty"
	list := strings.Split(run(t, exec.Command("tar", "-tf", d.dir+"/dist/"+name+".tar.gz")), "\n")
	for file, want := range map[string]bool{
		"LICENSE": true, "VERSION": true, "vendor/modules.txt": true, "scripts/default": false, "scripts/unknown": false, ".git/HEAD": false,
	} {
		if has := slices.Contains(list, name+"/"+file); has != want {
			t.Errorf("%s in it: %v, want %v", file, has, want)
		}
	}
	if text := run(t, exec.Command("tar", "-xOf", d.dir+"/dist/"+name+".tar.gz", name+"/LICENSE", name+"/VERSION")); text != "changed\n"+released+"+dirty\n" {
		t.Errorf("it has %q", text)
	}
	d.must(t, nil, "clean")
	if _, err := os.Stat(d.dir + "/dist"); !os.IsNotExist(err) {
		t.Errorf("after make clean there is dist: %v", err)
	}
}
