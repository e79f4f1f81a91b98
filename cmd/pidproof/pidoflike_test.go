package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"pidproof/testdata/debs"
	"pidproof/testdata/need"
)

// seedsEnv asks for other worlds than CI's: FROM-TO, for example 7-7 or 1-500.
const seedsEnv = "PIDPROOF_SEEDS"

const (
	seedsInCI     = 10
	callsPerWorld = 50
	kindsPerWorld = 7
)

// TestPidofLikeSysvinit asks sysvinit's pidof and ours the same, in worlds of
// real processes arranged at random. Ours says what sysvinit's says, byte for
// byte, but for the processes that a documented improvement adds or drops; and
// each improvement is seen at work.
func TestPidofLikeSysvinit(t *testing.T) {
	t.Parallel()
	theirs := sysvinitsPidof(t)
	from, to := 1, seedsInCI
	if given := os.Getenv(seedsEnv); given != "" {
		if _, err := fmt.Sscanf(given, "%d-%d", &from, &to); err != nil {
			t.Fatalf("%s=%s: %v", seedsEnv, given, err)
		}
	}
	seen := &occurrences{count: map[string]int{}}
	t.Run("worlds", func(t *testing.T) {
		for seed := from; seed <= to; seed++ {
			t.Run(strconv.Itoa(seed), func(t *testing.T) {
				t.Parallel()
				compareWorld(t, theirs, false, uint64(seed), seen)
			})
		}
	})
	if seen.worlds < seedsInCI {
		return // -run or the environment chose a few
	}
	for _, i := range improvements {
		if i.adds == nil && i.drops == nil && i.name != oneOfEach || i.root && os.Geteuid() != 0 {
			continue
		}
		t.Logf("%s: %d times", i.name, seen.count[i.name])
		if seen.count[i.name] == 0 {
			t.Errorf("the improvement %q is documented, and never seen", i.name)
		}
	}
}

// TestPidofLikeDebian13s is the same beside the pidof of Debian 13, in two worlds: it differs from that of 12 in what it
// makes of a first argument.
func TestPidofLikeDebian13s(t *testing.T) {
	t.Parallel()
	need.Root(t)
	need.Program(t, "apt-get")
	debian, err := debs.Trixie()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // ordinary users ask, too
		t.Fatal(err)
	}
	theirs, err := debian.Program("/usr/sbin/killall5", "pidof", filepath.Join(dir, "pidof"))
	if err != nil {
		t.Fatal(err)
	}
	for _, seed := range []uint64{8, 9} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			compareWorld(t, theirs, true, seed, &occurrences{count: map[string]int{}})
		})
	}
}

// occurrences counts how often each improvement made a difference.
type occurrences struct {
	mu     sync.Mutex
	worlds int
	count  map[string]int
}

func (o *occurrences) add(names ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, name := range names {
		o.count[name]++
	}
}

// sysvinitsPidof is the machine's, which others provide as well.
func sysvinitsPidof(t *testing.T) string {
	t.Helper()
	path := need.Program(t, "pidof")
	need.File(t, "/lib/lsb/init-functions") // of the same package
	return path
}

func compareWorld(t *testing.T, theirs string, titles bool, seed uint64, seen *occurrences) {
	w := newWorld(t, seed)
	w.titles = titles
	w.arrange(seed)
	p := &peers{world: w, theirs: []string{theirs}, lists: map[string][]int{}, seen: seen}
	for range callsPerWorld {
		if !p.compare(w.call()) {
			break
		}
	}
	for _, a := range w.processes {
		if state := a.state(); (state == "Z") != (a.life != lives) {
			t.Errorf("%s (%d) is in state %q by now", a.how, a.pid, state)
		}
	}
	if t.Failed() {
		t.Logf("again: %s=%d-%d; the world:\n%s", seedsEnv, seed, seed, w.describe())
	}
	seen.mu.Lock()
	seen.worlds++
	seen.mu.Unlock()
}

// arrange takes kinds at random, and each of them in some world.
func (w *world) arrange(seed uint64) {
	var possible []kind
	for _, k := range kinds {
		if !k.root || os.Geteuid() == 0 {
			possible = append(possible, k)
		}
	}
	order := w.rand.Perm(len(possible))[:kindsPerWorld]
	for i := range 3 {
		order[i] = (int(seed)*3 + i) % len(possible)
	}
	for _, i := range order {
		possible[i].arrange(w)
	}
}
