package matcher

import (
	"context"
	"path/filepath"
	"testing"

	"pidproof/matcher/internal/rules"
	"pidproof/testdata/child"
	"pidproof/testdata/must"
)

// A look for several daemons at once finds of each what a look for it alone does.
func TestScanAllFindsTheSame(t *testing.T) {
	h := thisHost()
	must.Do(t, h.Open())
	var daemons []rules.Daemon
	children := map[string]int{}
	for range 3 {
		c := child.Start(t)
		d, err := h.findDaemon(c.Path)
		must.Do(t, err)
		daemons = append(daemons, d)
		children[d.Path] = c.PID
	}
	sh, err := h.findDaemon("/bin/sh")
	must.Do(t, err)
	daemons = append(daemons, sh)
	together, err := h.scanAll(daemons, rules.Criteria{}, false)
	must.Do(t, err)
	for i, d := range daemons {
		found := map[int]Role{}
		for _, p := range together[i].found {
			found[p.Evidence.PID] = p.Role
		}
		if child, is := children[d.Path]; is && (len(found) != 1 || found[child] != "") {
			t.Errorf("%s runs as %d: found %v", filepath.Base(d.Path), child, found)
		}
	}
	report, err := Check(context.Background(), Instance{Daemon: daemons[0].Path})
	if err != nil || len(report.Blocking()) != 1 {
		t.Errorf("alone: %+v, %v", report.Others, err)
	}
}
