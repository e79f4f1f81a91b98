package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"pidproof/testdata/need"
	"pidproof/testdata/supervise"
)

func TestMain(m *testing.M) {
	if os.Getenv(stageEnv) != "" {
		panic("the lab runs itself, not its tests")
	}
	os.Exit(supervise.Main(m.Run))
}

// programs builds the lab and pidproof, once; supervise removes them.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "programs-")
	if err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-buildvcs=false", "-o", dir+"/", "pidproof/cmd/pidproof", "pidproof/testdata/compare")
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, said)
	}
	return dir, nil
})

// lab is a run of the whole program under a supervisor of its own, as `make compare` starts it.
func lab(t *testing.T, arguments ...string) *exec.Cmd {
	t.Helper()
	need.Root(t)
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(dir+"/compare", append([]string{"-pidproof", dir + "/pidproof"}, arguments...)...)
	tmp := t.TempDir()
	if err := os.Chmod(filepath.Dir(tmp), 0o755); err != nil { // one scenario asks as another user
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), supervise.Again, "TMPDIR="+tmp)
	return cmd
}

const published = "../../docs/comparison.md"

// TestComparison is the promise: pidproof is right in every scenario, and what is published is what comes out.
func TestComparison(t *testing.T) {
	out := filepath.Join(t.TempDir(), "comparison.md")
	if said, err := lab(t, "-scenarios", "scenarios", "-out", out).CombinedOutput(); err != nil {
		t.Fatalf("%v:\n%s", err, said)
	}
	fresh := readPage(t, out)
	if len(fresh.rows) != len(scenarioFiles(t)) {
		t.Errorf("%d rows for %d scenarios", len(fresh.rows), len(scenarioFiles(t)))
	}
	for _, difference := range readPage(t, published).staleAgainst(fresh) {
		t.Errorf("%s: %s; run `make compare`", published, difference)
	}
}

// A table is stale when a scenario was added, also where the lab cannot run.
func TestEveryScenarioIsPublished(t *testing.T) {
	page := readPage(t, published)
	var named []string
	for _, row := range page.rows {
		named = append(named, row.file)
	}
	slices.Sort(named)
	if want := scenarioFiles(t); !slices.Equal(named, want) {
		t.Errorf("%s shows %q, the scenarios are %q; run `make compare`", published, named, want)
	}
}

func scenarioFiles(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("scenarios/*.sh")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for i := range paths {
		paths[i] = filepath.Base(paths[i])
	}
	return paths
}

// A liar in pidproof's place must not get past the lab: one that always says yes, and one that says nothing.
func TestLiarIsFound(t *testing.T) {
	for liar, scenario := range map[string]string{"true": "stale", "false": "replaced"} {
		dir, out := t.TempDir(), filepath.Join(t.TempDir(), "comparison.md")
		script := "#!/bin/sh\n[ \"$1\" != -V ] || exit 0\nexec " + liar + "\n"
		if err := os.WriteFile(dir+"/liar", []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		copyScenario(t, scenario, dir)
		said, err := lab(t, "-scenarios", dir, "-out", out, "-pidproof", dir+"/liar").CombinedOutput()
		want := scenario + ": `pidproof check -p F D` says nothing, exit"
		if err == nil || !strings.Contains(string(said), want) {
			t.Errorf("%s in pidproof's place: %v, and no %q in:\n%s", liar, err, want, said)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s in pidproof's place: a table was written", liar)
		}
	}
}

func copyScenario(t *testing.T, name, dir string) {
	t.Helper()
	text, err := os.ReadFile("scenarios/" + name + ".sh")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".sh"), text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestNotRoot(t *testing.T) {
	cmd := lab(t, "-scenarios", "scenarios")
	cmd.Args = append([]string{"setpriv", "--reuid=65533", "--regid=65533", "--clear-groups"}, cmd.Args...)
	cmd.Args[4] = cmd.Path
	cmd.Path = need.Program(t, "setpriv")
	said, err := cmd.CombinedOutput()
	if exit := cmd.ProcessState.ExitCode(); err == nil || exit != 1 || string(said) != "compare: only root can make the namespaces that the scenarios run in\n" {
		t.Errorf("an ordinary user gets exit %d and %q, want 1 and one line that says so", exit, said)
	}
}
