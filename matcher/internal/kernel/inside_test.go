package kernel

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/testdata/must"
)

// A way that somebody else has chosen is not gone to its end, however long it is.
func TestLongWay(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must.Do(t, err)
	must.Do(t, os.Mkdir(filepath.Join(dir, "a"), 0o755), os.WriteFile(filepath.Join(dir, "file"), nil, 0o644))
	must.Do(t, os.Symlink(strings.Repeat("a/../", longestWay/2)+"file", filepath.Join(dir, "link")))
	h := ThisSystem()
	must.Do(t, h.Open())
	for way, want := range map[string]error{
		"file": nil, "a/../file": nil, "a/./././.././file": nil, strings.Repeat("a/../", 20) + "file": nil,
		strings.Repeat("a/../", longestWay/2) + "file": unix.ENAMETOOLONG,
		strings.Repeat("./", longestWay) + "file":      unix.ENAMETOOLONG,
		"link": unix.ENAMETOOLONG,
	} {
		if found := h.LookFor(dir+"/"+way, MaxLinks); !errors.Is(found.Err, want) || (want == nil) != (found.State == fact.Known) {
			t.Errorf("%.40s: %+v, want %v", way, found, want)
		}
	}
}

// A path leads to a name in a directory by itself or by links, if those are followed, whether or
// not anything has that name; one that ends elsewhere does not.
func TestLeads(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must.Do(t, err)
	for _, name := range []string{"home", "other"} {
		must.Do(t, os.Mkdir(filepath.Join(dir, name), 0o755), os.WriteFile(filepath.Join(dir, name, "d"), nil, 0o644))
	}
	for name, to := range map[string]string{"link": "home", "loop": "loop", "file": "home/d", "further": "link/../file", "moved": "home/e", "astray": "other/d"} {
		must.Do(t, os.Symlink(to, filepath.Join(dir, name)))
	}
	h := ThisSystem()
	must.Do(t, h.Open())
	home := h.LookFor(dir+"/home", 0)
	for _, c := range []struct {
		path  string
		links int
		name  string
		want  bool
	}{
		{"home/d", 0, "d", true}, {"home/e", 0, "e", true}, {"link/e", MaxLinks, "e", true}, {"link/d", 0, "d", false},
		{"other/d", MaxLinks, "d", false}, {"home/d", 0, "e", false}, {"home/d/d", 0, "d", false}, {"none/d", 0, "d", false}, {"loop/d", MaxLinks, "d", false},
		{"file", MaxLinks, "d", true}, {"further", MaxLinks, "d", true}, {"moved", MaxLinks, "e", true}, {"astray", MaxLinks, "d", false}, {"file", 0, "d", false},
	} {
		e := fact.Evidence{PID: os.Getpid(), Tree: fact.SamePlace}
		for range 2 { // and as a process of another mount tree would find it
			if leads := h.Leads(e, dir+"/"+c.path, c.links, home.Value, c.name); leads.State != fact.Known || leads.Value != c.want {
				t.Errorf("%s, %d links, mount tree %v: %+v, want %v", c.path, c.links, e.Tree, leads, c.want)
			}
			e.Tree = fact.OtherPlace
		}
	}
	t.Chdir(dir + "/link")
	if leads := h.Leads(fact.Evidence{PID: os.Getpid()}, "./d", 0, home.Value, "d"); !leads.Value {
		t.Errorf("from its working directory: %+v", leads)
	}
}
