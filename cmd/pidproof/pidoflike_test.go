package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"pidproof/testdata/debs"
	"pidproof/testdata/must"
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
				if file := os.Getenv(apartEnv); file != "" {
					here := &occurrences{count: map[string]int{}}
					compareWorld(t, theirs, false, uint64(seed), here)
					must.Do(t, here.write(file))
				} else if os.Geteuid() == 0 {
					apart(t, seen)
				} else {
					compareWorld(t, theirs, false, uint64(seed), seen)
				}
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

// apartEnv is set in a world apart: to where its occurrences go.
const apartEnv = "PIDPROOF_PIDOF_APART"

// apart runs this very test as PID 1 of namespaces of its own. Both pidofs read of every process there is, in each of a
// world's two hundred calls: on a machine where other tests run hundreds of processes, that is most of their time.
func apart(t *testing.T, seen *occurrences) {
	t.Helper()
	runtime.LockOSThread() // Pdeathsig is about the thread that forks (prctl(2))
	defer runtime.UnlockOSThread()
	file := filepath.Join(t.TempDir(), "seen")
	name := "^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$"
	cmd := exec.Command("/proc/self/exe", "-test.run="+name, "-test.count=1")
	cmd.Env = append(os.Environ(), apartEnv+"="+file, programsEnv+"="+programs)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:   syscall.CLONE_NEWPID,
		Unshareflags: syscall.CLONE_NEWNS,
		Pdeathsig:    syscall.SIGKILL,
	}
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("in a world apart: %v\n%s", err, said)
	}
	must.Do(t, seen.read(file))
}

// TestPidofLikeDebian13s is the same beside the pidof of Debian 13, in two worlds among the machine's processes: it differs
// from that of 12 in what it makes of a first argument.
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

func (o *occurrences) write(file string) error {
	content, err := json.Marshal(o.count)
	return errors.Join(err, os.WriteFile(file, content, 0o600))
}

// read adds those of one world.
func (o *occurrences) read(file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var count map[string]int
	if err := json.Unmarshal(content, &count); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.worlds++
	for name, n := range count {
		o.count[name] += n
	}
	return nil
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
