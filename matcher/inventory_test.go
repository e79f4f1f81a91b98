package matcher

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"pidproof/matcher/internal/rules"
	"pidproof/testdata/child"
)

// Where others than root lead to a daemon's path, it is looked at in another way: what was
// started by another hard link ran unclaimed for the list, where check cannot tell.
func TestListedIsWhatCheckSays(t *testing.T) {
	c := child.Start(t)
	alias := filepath.Join(filepath.Dir(c.Path), "alias")
	if err := os.Link(c.Path, alias); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(alias)
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	h := thisHost()
	if h.OnlyRootLeads(c.Path) {
		t.Fatalf("only root leads to %s", c.Path)
	}
	h.run = []string{filepath.Dir(c.Pidfile())}
	all, err := h.takeInventory(context.Background(), Search{})
	if err != nil || len(all.Daemons) != 1 || len(all.Daemons[0].Processes) != 1 {
		t.Fatalf("%v, %+v", err, all)
	}
	if p := all.Daemons[0].Processes[0]; p.Evidence.PID != cmd.Process.Pid || p.Role != RoleUnclear {
		t.Errorf("%d is %v, want %d and unclear", p.Evidence.PID, p.Role, cmd.Process.Pid)
	}
}

// The user that a daemon runs as could otherwise give root's instance another name, by a
// pidfile in /run/lock.
func TestRootsPidfileNamesTheInstance(t *testing.T) {
	users := Listed{Report: Report{Verdict: Running, Pidfile: Pidfile{rules.Pidfile{Path: "/run/lock/a.pid", PID: 7, Owner: 65533}}}, Known: -1}
	roots := Listed{Report: Report{Verdict: Running, Pidfile: Pidfile{rules.Pidfile{Path: "/run/memc.pid", PID: 7}}}, Known: -1}
	for _, order := range [][]Listed{{users, roots}, {roots, users}} {
		all := Inventory{Instances: slices.Clone(order)}
		all.merge()
		if len(all.Instances) != 1 || all.Instances[0].Pidfile.Path != "/run/memc.pid" || !slices.Equal(all.Instances[0].Also, []string{"/run/lock/a.pid"}) {
			t.Errorf("merged: %+v", all.Instances)
		}
	}
}
