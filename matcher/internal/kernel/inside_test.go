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

// A path leads to a directory by itself or by links, if those are followed; one that leads
// nowhere leads to none.
func TestLeads(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must.Do(t, err)
	must.Do(t, os.Mkdir(filepath.Join(dir, "home"), 0o755), os.Mkdir(filepath.Join(dir, "other"), 0o755), os.Symlink("home", filepath.Join(dir, "link")))
	h := ThisSystem()
	must.Do(t, h.Open())
	home := h.LookFor(dir+"/home", 0)
	for _, c := range []struct {
		path  string
		links int
		want  bool
	}{{dir + "/home", 0, true}, {dir + "/link", MaxLinks, true}, {dir + "/link", 0, false}, {dir + "/other", 0, false}, {dir + "/none", 0, false}, {"home", 0, false}} {
		if leads := h.Leads(c.path, c.links, home.Value); leads.State != fact.Known || leads.Value != c.want {
			t.Errorf("%s, %d links: %+v, want %v", c.path, c.links, leads, c.want)
		}
	}
}
