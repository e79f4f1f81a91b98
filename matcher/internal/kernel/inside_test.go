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
