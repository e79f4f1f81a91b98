package histories

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"pidproof/testdata/need"
	"pidproof/testdata/rounds"
	"pidproof/testdata/supervise"
)

func TestMain(m *testing.M) {
	flag.Parse()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if !given["rapid.checks"] {
		_ = flag.Set("rapid.checks", strconv.Itoa(rounds.Of(200, 20_000)))
	}
	if !given["rapid.seed"] && !rounds.Long() { // the same histories each time; make attack draws others
		_ = flag.Set("rapid.seed", "1")
	}
	_ = flag.Set("rapid.nofailfile", "true") // the seed repeats it
	os.Exit(supervise.Main(func() int { return InNamespaces(m.Run) }))
}

var theLab = sync.OnceValues(func() (*Lab, error) {
	dir, err := os.MkdirTemp("", "histories-")
	if err != nil {
		return nil, err
	}
	lab, programs := filepath.Join(dir, "lab"), filepath.Join(dir, "programs")
	err = errors.Join(os.Chmod(dir, 0o755), os.Mkdir(lab, 0o755), os.Mkdir(programs, 0o755))
	histd := filepath.Join(programs, "histd")
	if err == nil {
		err = command("gcc", "-O1", "-static", "-s", "-Wall", "-Werror", "-o", histd, "daemon/histd.c")
	}
	if err != nil {
		return nil, err
	}
	return NewLab(lab, histd, func() (string, error) {
		return filepath.Join(programs, "pidproof"), command("go", "build", "-o", programs, "../../cmd/pidproof")
	})
})

func command(argv ...string) error {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%q: %w\n%s", argv, err, out)
	}
	return nil
}

func lab(t *testing.T) *Lab {
	t.Helper()
	need.Root(t)
	need.Program(t, "gcc")
	need.File(t, "/proc/sys/kernel/ns_last_pid")
	need.File(t, "/proc/self/ns/user")
	l, err := theLab()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

var aStep = rapid.Custom(func(t *rapid.T) Step {
	number := rapid.IntRange(0, 11)
	return Step{
		Do: rapid.SampledFrom(asOften()).Draw(t, "do"),
		A:  number.Draw(t, "A"), B: number.Draw(t, "B"), C: number.Draw(t, "C"), D: number.Draw(t, "D"),
	}
})

// asOften has each kind of step as often as it is to happen.
var asOften = sync.OnceValue(func() (kinds []string) {
	for _, kind := range slices.Sorted(maps.Keys(steps)) {
		kinds = append(kinds, slices.Repeat([]string{kind}, steps[kind].often)...)
	}
	return kinds
})

func TestRandom(t *testing.T) {
	l := lab(t)
	played := 0
	rapid.Check(t, func(t *rapid.T) {
		history := rapid.SliceOfN(aStep, 6, 24).Draw(t, "history")
		w, err := l.Play(history)
		for range 5 { // it depends on fractions of a second, which fall otherwise the next time
			if !errors.Is(err, errVoid) {
				break
			}
			w, err = l.Play(history)
		}
		if errors.Is(err, errVoid) {
			return // and is not counted
		}
		if err != nil {
			t.Fatalf("%v\nafter:\n  %s", err, strings.Join(w.told, "\n  "))
		}
		played++
	})
	// rapid ends early, and content, where the time-out of the test comes near.
	if want := flag.Lookup("rapid.checks").Value.(flag.Getter).Get().(int); played < want*9/10 {
		t.Errorf("%d histories were played, of %d", played, want)
	}
}
