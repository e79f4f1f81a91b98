package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// world is a set of real processes, arranged at random by the kinds of
// pidofkinds_test.go. What pidof ought to say of them is known from that, and
// never read from /proc.
type world struct {
	t    *testing.T
	rand *rand.Rand
	// In dir: bin with the programs, link to bin, fifo, jail.
	dir string
	// tag begins every program's name: nobody else's process has it.
	tag       string
	named     int
	processes []*arranged
	programs  []string // to ask for
	turn      int
	stdin     *os.File // says nothing until the end
	titles    bool     // sysvinit's pidof is one that believes them
}

// stranger is an ordinary user, who owns some processes and asks for others'.
const stranger = 65533

type life int

const (
	lives    life = iota
	ended         // a zombie
	headless      // the first thread has ended, others go on
)

// arranged is one process, and what the test knows of it.
type arranged struct {
	how   string // in words, for a person
	cmd   *exec.Cmd
	pid   int
	image os.FileInfo // the file it runs; of a script, the interpreter
	path  string      // where that lay last, links resolved
	gone  bool        // that name has been removed, or given to another file
	argv  []string
	comm  string
	life  life
	uid   int
	// script is where its script's path leads to, from its own directory.
	script string
	// Another than ours: PID namespace, file system at its path, root directory.
	pidNS, tree, root bool
}

// worlds counts them, whatever their seeds.
var worlds atomic.Int64

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	w := &world{t: t, rand: rand.New(rand.NewPCG(seed, 868861)), dir: t.TempDir()}
	w.tag = "p" + strconv.FormatInt(int64(os.Getpid()), 36) + strconv.FormatInt(worlds.Add(1), 36)
	// The stranger must get there.
	for d := w.dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		w.must(os.Chmod(d, 0o755))
	}
	w.must(errors.Join(os.Mkdir(w.at("bin"), 0o755), os.Symlink("bin", w.at("link")), unix.Mkfifo(w.at("fifo"), 0o644)))
	r, silent, err := os.Pipe()
	w.must(err)
	w.stdin = r
	t.Cleanup(func() {
		w.endAll()
		r.Close()
		silent.Close()
	})
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) at(path string) string  { return filepath.Join(w.dir, path) }
func (w *world) bin(name string) string { return filepath.Join(w.dir, "bin", name) }

// name is one that no other program has: of this world, test, host.
func (w *world) name(suffix string) string {
	w.named++
	return w.tag + string(rune('A'+w.named/26)) + string(rune('A'+w.named%26)) + suffix
}

func (w *world) chance(percent int) bool { return w.rand.IntN(100) < percent }

// ask adds programs to ask for.
func (w *world) ask(programs ...string) { w.programs = append(w.programs, programs...) }

// install puts a copy of a program at a path: over what lies there, as package
// managers do, so that whoever runs it runs a file of no name from now on.
func (w *world) install(program, path string) {
	w.t.Helper()
	content, err := os.ReadFile(program)
	w.must(err)
	w.write(string(content), path)
}

func (w *world) write(content, path string) {
	w.t.Helper()
	// A child that is forked while it is open for writing makes it "busy" until
	// that child executes something.
	syscall.ForkLock.RLock()
	err := os.WriteFile(path+".new", []byte(content), 0o755)
	syscall.ForkLock.RUnlock()
	w.must(errors.Join(err, os.Rename(path+".new", path)))
	w.lost(path)
}

func (w *world) remove(path string) {
	w.t.Helper()
	w.must(os.Remove(path))
	w.lost(path)
}

func (w *world) lost(path string) {
	for _, p := range w.processes {
		p.gone = p.gone || p.path == path
	}
}

func (w *world) rename(from, to string) {
	w.t.Helper()
	w.must(os.Rename(from, to))
	w.lost(to)
	for _, p := range w.processes {
		if p.path == from && !p.gone {
			p.path = to
		}
	}
}

// commOf is the kernel's name for what is executed: 15 bytes at most.
func commOf(path string) string {
	base := path[strings.LastIndex(path, "/")+1:]
	return base[:min(len(base), 15)]
}

// state is the letter in /proc/PID/stat.
func (p *arranged) state() string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " ")
	return rest[:1]
}

func (w *world) await(p *arranged, state string) {
	w.t.Helper()
	w.must(pollUntil(fmt.Sprintf("%s (%d) is in state %s", p.how, p.pid, state), func() bool { return p.state() == state }))
}

// endAll ends them by their number, which stays theirs until they are waited for.
func (w *world) endAll() {
	for _, p := range w.processes {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait() // "signal: killed"
	}
}

// describe is the world in a failure's message.
func (w *world) describe() string {
	var lines strings.Builder
	for _, p := range w.processes {
		fmt.Fprintf(&lines, "  %d %s: %s", p.pid, p.how, p.path)
		if p.gone {
			fmt.Fprint(&lines, " (deleted)")
		}
		fmt.Fprintf(&lines, ", comm %q, argv %q, uid %d\n", p.comm, p.argv, p.uid)
	}
	return lines.String()
}
