package kernel

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pidproof/matcher/internal/fact"
	"pidproof/testdata/must"
)

// The tables of TCP are read until no listening socket was closed meanwhile: as long as some are, another may have been
// passed over. No kernel is asked to do that here, as whose sockets have one hash it keeps to itself.
func TestMissedListeners(t *testing.T) {
	const sought = 42
	table := func(inodes ...int) string {
		var b strings.Builder
		b.WriteString("  sl  local_address rem_address   st\n")
		for _, inode := range inodes {
			fmt.Fprintf(&b, "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 %d 1\n", inode)
		}
		return b.String()
	}
	others := func(first, many int, further ...int) string {
		for i := range many {
			further = append(further, 1000+first+i)
		}
		return table(further...)
	}
	for what, c := range map[string]struct {
		tables []string // one a look; the last stays
		found  int
		err    error
	}{
		"nothing listens":                   {[]string{others(0, 50)}, 0, nil},
		"less than a page":                  {[]string{others(0, 5)}, 0, nil},
		"some begin to":                     {[]string{others(0, 50), others(0, 51), others(0, 52), others(0, 53)}, 0, nil},
		"passed over, as some were closed":  {[]string{others(0, 50), others(3, 50, sought)}, 1, nil},
		"passed over, as some stop for now": {[]string{others(0, 50), others(0, 50), others(0, 50, sought)}, 1, nil},
		"passed over, and less than a page": {[]string{others(0, 50), others(45, 5)}, 0, nil},
		"closed all the time": {[]string{
			others(0, 50), others(1, 50), others(2, 50), others(3, 50), others(4, 50), others(5, 50), others(6, 50), others(7, 50), others(8, 50), others(9, 50), others(10, 50),
		}, 0, errClosing},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "net", "tcp")
		must.Do(t, os.Mkdir(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(c.tables[0]), 0o644))
		looks, inLook := 1, map[uint64]bool{}
		found, err := missedListeners(dir, func(inode uint64) bool {
			if inLook[inode] { // the next look begins
				inLook = map[uint64]bool{}
				looks++
			}
			inLook[inode] = true
			if next := min(looks, len(c.tables)-1); len(inLook) == 1 {
				must.Do(t, os.WriteFile(path+".new", []byte(c.tables[next]), 0o644), os.Rename(path+".new", path))
			}
			return inode == sought
		})
		if len(found) != c.found || !errors.Is(err, c.err) {
			t.Errorf("%s: got %v, %v", what, found, err)
		}
		if c.found > 0 && found[0].Socket != (fact.Socket{Kind: "tcp", Address: "127.0.0.1:8080", Roots: true}) {
			t.Errorf("%s: got %+v", what, found[0])
		}
	}
}
