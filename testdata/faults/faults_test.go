package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"pidproof/testdata/need"
	"pidproof/testdata/rounds"
	"pidproof/testdata/supervise"
)

func TestMain(m *testing.M) {
	Host()
	os.Exit(supervise.Main(m.Run))
}

// cells are all commands in all their situations.
func cells() (all []cellOrder) {
	for _, c := range commands {
		for _, s := range situations {
			if c.in == nil || slices.Contains(c.in, s.name) {
				all = append(all, cellOrder{Situation: s.name, Command: c.name})
			}
		}
	}
	return all
}

// TestFaults tries some faults of some commands in some situations, and all of them
// where a long run is asked for: PIDPROOF_ATTACK=1 go test -timeout 0 -v ./testdata/faults
//
// FAULTS_ONLY restricts it to the cells whose "command | situation" it matches, FAULTS to
// so many faults of each ("each": all errnos, not one of each kind); SEED chooses others.
// FAULTS_AT is one fault, as a failure names it: "openat EMFILE when=12".
func TestFaults(t *testing.T) {
	seed, _ := strconv.ParseUint(os.Getenv("SEED"), 10, 64)
	all := cells()
	if only := os.Getenv("FAULTS_ONLY"); only != "" {
		wanted := regexp.MustCompile(only)
		all = slices.DeleteFunc(all, func(c cellOrder) bool { return !wanted.MatchString(c.Command + " | " + c.Situation) })
	} else if !rounds.Long() {
		all = sample(all, seed)
	}
	number, each := rounds.Of(2, 0), os.Getenv("FAULTS") == "each"
	if n, err := strconv.Atoi(os.Getenv("FAULTS")); each || err == nil {
		number = n
	}
	var at fault
	if _, err := fmt.Sscanf(os.Getenv("FAULTS_AT"), "%s %s when=%d", &at.Call, &at.Errno, &at.Nth); err == nil {
		at.Alone = strings.HasSuffix(os.Getenv("FAULTS_AT"), oneProcessor)
		for i := range all {
			all[i].Only = []fault{at}
		}
	}
	for i := range all {
		all[i].Faults, all[i].Seed, all[i].Each = number, seed+uint64(i), each
		all[i].Again = number == 0 && at.Call == ""
		if commandOf(all[i].Command).slow && !rounds.Long() {
			all[i].Faults = (number + 2) / 3 // 0 would be all
		}
	}
	play(t, all)
}

// sample takes each command in some of its situations.
func sample(all []cellOrder, seed uint64) (some []cellOrder) {
	random := rand.New(rand.NewPCG(seed, 1))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	taken := map[string]int{}
	for _, c := range all {
		if taken[c.Command]++; taken[c.Command] <= 2 {
			some = append(some, c)
		}
	}
	return some
}

// Two faults that were seen. While the parent of another instance's worker was looked at,
// a descriptor was missing: it had none, then, and got the signal. And a daemon that was
// started through a link which is gone was not running, as its file could not be told.
func TestNoDescriptor(t *testing.T) {
	play(t, []cellOrder{
		{Command: "killproc", Situation: "names another's worker", Errno: "EMFILE"},
		{Command: "check", Situation: "started through a removed link", Errno: "EMFILE"},
	})
}

// Found by a long run. That what was opened is not there made another instance's pidfile
// absent, whose process got the signal; that no descriptor was left made start-stop-daemon
// --status say "not running". pidof left one out, as /proc was not there; killproc said that it
// was done, as nobody was there to be signalled.
func TestNotThere(t *testing.T) {
	each := func(call, errno string, times int) (list []fault) {
		for n := range times {
			list = append(list, fault{Call: call, Errno: errno, Nth: n + 1})
		}
		return list
	}
	play(t, []cellOrder{
		{Command: "killproc HUP", Situation: "recycled by another instance", Only: append(each("fgetxattr", "ENOENT", 4), each("fstat", "ENOENT", 6)...)},
		{Command: "start-stop-daemon --status, exec", Situation: "started through a removed link", Only: each("newfstatat", "EMFILE", 8)},
		{Command: "pidof NAME", Situation: "running", Only: each("newfstatat", "ESRCH", 4)},
		{Command: "killproc", Situation: "several numbers", Only: each("pidfd_send_signal", "ESRCH", 2)},
		// Without a root directory there was no pidfile.
		{Command: "status", Situation: "moved", Only: each("openat", "ENOENT", 16)},
		// A script that had become another program was dead, as its first bytes could not be read.
		{Command: "check", Situation: "a script that became another program", Only: append(each("openat", "EACCES", 12), each("newfstatat", "ESRCH", 12)...)},
		// What could not be told of the wrapper left its daemon to no pidfile.
		{Command: "list", Situation: "wrapper", Only: slices.Repeat(each("ppoll", "EPERM", 6), 3)},
		// The interpreter's links led nowhere for a moment: then nothing ran the script.
		{Command: "start-stop-daemon --start, exec", Situation: "script", Only: each("readlinkat", "ENOENT", 14)},
		// A registration that could not be read left its pidfile to a second one.
		{Command: "register, taken", Situation: "running", Only: each("read", "ENOENT", 24)},
		// What a pidfile's process runs could not be told, and it was called running by its number.
		{Command: "list --json", Situation: "names another's worker", Only: each("statx", "EAGAIN", 50)[30:]},
		// Our own mount tree was nobody's.
		{Command: "start-stop-daemon --stop --test, exec", Situation: "moved", Only: each("readlinkat", "ESRCH", 12)},
	})
}

const hostsPerCore = 4

// shown is how many failures of one cell are: the others are mostly of one kind.
const shown = 25

// play has some hosts play the cells: several for each core, as strace and whom it traces mostly wait for each other.
func play(t *testing.T, all []cellOrder) {
	t.Helper()
	o := order{Strace: need.Program(t, "strace")}
	need.Root(t)
	dir := t.TempDir()
	build := exec.Command("go", "build", "-buildvcs=false", "-o", dir+"/", "../../cmd/pidproof", "../demod")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	o.Pidproof, o.Demod = dir+"/pidproof", dir+"/demod"
	hosts := min(hostsPerCore*runtime.NumCPU(), len(all))
	cells, results, failed := make(chan cellOrder, len(all)), make(chan cellResult), make(chan error)
	for _, c := range all {
		cells <- c
	}
	close(cells)
	for i := range hosts {
		mine := o
		mine.Dir = filepath.Join(dir, "host"+strconv.Itoa(i))
		if err := os.Mkdir(mine.Dir, 0o755); err != nil {
			t.Fatal(err)
		}
		go func() { failed <- playOn(mine, cells, results) }()
	}
	runs, hits, reached, occurrences := 0, 0, 0, 0
	for done := 0; done < hosts; {
		select {
		case r := <-results:
			runs, hits, reached, occurrences = runs+r.Runs, hits+r.Hits, reached+r.Reached, occurrences+r.Occurrences
			if testing.Verbose() {
				t.Logf("%s | %s: exit %d, %d runs, %d hits, %d of %d occurrences", r.Command, r.Situation, r.Exit, r.Runs, r.Hits, r.Reached, r.Occurrences)
			}
			for _, failure := range r.Failures[:min(len(r.Failures), shown)] {
				t.Error(failure)
			}
			if more := len(r.Failures) - shown; more > 0 {
				t.Errorf("%s | %s | and %d more", r.Command, r.Situation, more)
			}
		case err := <-failed:
			if done++; err != nil {
				t.Error(err)
			}
		}
	}
	t.Logf("%d commands in their situations, %d runs, %d faults that were met, %d of %d system calls reached", len(all), runs, hits, reached, occurrences)
	if hits == 0 || rounds.Long() && reached < occurrences*9/10 {
		t.Error("that is too little to prove anything")
	}
}

// playOn has one host play cells, one after the other, until none is left.
func playOn(o order, cells <-chan cellOrder, results chan<- cellResult) error {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), hostEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:   namespaces,
		Unshareflags: syscall.CLONE_NEWNS,
		Pdeathsig:    syscall.SIGKILL,
	}
	var said strings.Builder
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	orders, played := json.NewEncoder(in), json.NewDecoder(out)
	err = orders.Encode(o)
	for err == nil {
		c, more := <-cells
		if !more {
			break
		}
		var r cellResult
		if err = errors.Join(orders.Encode(c), played.Decode(&r)); err == nil {
			results <- r
		}
	}
	_ = in.Close() // it ends then
	if err != nil {
		_ = cmd.Process.Kill()
	}
	if ended := cmd.Wait(); err != nil || ended != nil {
		return errors.Join(err, ended, errors.New(said.String()))
	}
	return nil
}
