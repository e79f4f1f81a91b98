package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pidproof/testdata/bench/host"
	"pidproof/testdata/need"
	"pidproof/testdata/supervise"
	"pidproof/testdata/waiting"
)

func TestMain(m *testing.M) { os.Exit(supervise.Main(m.Run)) }

// bench is a built bench with folders of its own.
type bench struct {
	dir, tmp, out string
	said          bytes.Buffer
}

func build(t *testing.T) *bench {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-buildvcs=false", "-o", dir+"/",
		"pidproof/cmd/pidproof", "pidproof/testdata/bench")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	b := &bench{dir: dir, tmp: filepath.Join(dir, "tmp"), out: filepath.Join(dir, "out")}
	if err := os.Mkdir(b.tmp, 0o755); err != nil {
		t.Fatal(err)
	}
	return b
}

// command runs the bench as a user would: under a supervisor of its own.
func (b *bench) command(t *testing.T, args ...string) *exec.Cmd {
	args = append([]string{"-pidproof", b.dir + "/pidproof", "-out", b.out}, args...)
	cmd := exec.CommandContext(t.Context(), b.dir+"/bench", args...)
	cmd.Env = append(os.Environ(), supervise.Again, "TMPDIR="+b.tmp)
	cmd.Stdout, cmd.Stderr = &b.said, &b.said
	cmd.WaitDelay = 5 * time.Second // what is left must not keep the test waiting, too
	return cmd
}

// leaves fails the test unless these files are all that is left, of files and of processes.
func (b *bench) leaves(t *testing.T, files ...string) {
	t.Helper()
	for folder, want := range map[string][]string{b.tmp: nil, b.out: files} {
		left, err := os.ReadDir(folder)
		if err != nil && (!os.IsNotExist(err) || len(want) > 0) {
			t.Error(err)
		}
		var names []string
		for _, entry := range left {
			names = append(names, entry.Name())
		}
		if !slices.Equal(names, want) {
			t.Errorf("in %s: %q, not %q", filepath.Base(folder), names, want)
		}
	}
	if left := b.processes(t); len(left) > 0 {
		t.Errorf("%d processes are left: %s", len(left), left[0])
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || strings.Contains(string(mounts), b.tmp) {
		t.Errorf("a mount is left (%v)", err)
	}
}

// processes are those whose program lies in the bench's folders; each as `PID PATH`.
func (b *bench) processes(t *testing.T) (found []string) {
	t.Helper()
	exes, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, exe := range exes {
		if path, err := os.Readlink(exe); err == nil && strings.HasPrefix(path, b.dir+"/") {
			found = append(found, exe+" "+path)
		}
	}
	return found
}

func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	if !waiting.Until(yes) {
		t.Fatalf("after %v still not true: %s", waiting.Limit, what)
	}
}

// No time is asserted here: that is `make bench CHECK=1`.
func TestStop(t *testing.T) {
	needs(t, host.StartStopDaemon, "start-stop-daemon")
	b := build(t)
	if err := b.command(t, "-only", "stop", "-rounds", "1").Run(); err != nil {
		t.Fatalf("%v: %s", err, b.said.String())
	}
	b.leaves(t, "stop.md")
	b.shows(t, "stop.md", "pidproof killproc -p F D", "pidproof killproc --workers -p F D", "pidproof wait stopped -p F D",
		"pidproof start-stop-daemon --stop --retry 5 --pidfile F --exec D", "dpkg's start-stop-daemon", "apache2's init script")
}

func TestScan(t *testing.T) {
	needs(t, host.StartStopDaemon, "start-stop-daemon")
	need.File(t, "/sbin/killall5") // sysvinit's pidof
	needs(t, host.Busybox, "busybox")
	needs(t, host.Pgrep, "pgrep")
	need.File(t, "/lib/lsb/init-functions")
	b := build(t)
	if err := b.command(t, "-only", "scan", "-sizes", "8,16", "-rounds", "1").Run(); err != nil {
		t.Fatalf("%v: %s", err, b.said.String())
	}
	b.leaves(t, "scan.md", "scan.svg")
	b.shows(t, "scan.md", "pidproof check -p F D", "pidproof status -p F D", "pidproof pidof D", "pidproof check -p S D",
		"sysvinit's pidof D", "busybox pidof NAME", "pgrep NAME", "pgrep -f D", "dpkg's start-stop-daemon --status --exec D",
		"dpkg's start-stop-daemon --status --pidfile F --exec D", "Debian's pidofproc -p F D", "apache2's init script",
		"an empty static Go program", "the floor", "8 processes", "16 processes", "10,000 processes were not measured")
	svg, err := os.ReadFile(b.out + "/scan.svg")
	if err != nil || !bytes.Contains(svg, []byte("</svg>")) || bytes.Contains(svg, []byte(b.dir)) {
		t.Errorf("scan.svg: %d bytes, %v", len(svg), err)
	}
	if err := b.command(t, "-only", "scan", "-sizes", "8", "-rounds", "1", "-check").Run(); err == nil {
		t.Error("-check passes without 10,000 processes")
	}
	b.leaves(t, "scan.md", "scan.svg")
}

// shows fails the test unless these are in what was printed and in the page, as a row of numbers where it is a command.
func (b *bench) shows(t *testing.T, page string, texts ...string) {
	t.Helper()
	written, err := os.ReadFile(filepath.Join(b.out, page))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		row := regexp.MustCompile("(?m)^\\| `" + regexp.QuoteMeta(text) + ".*` \\| [0-9]+ \\|.*[0-9]")
		if !strings.Contains(b.said.String(), text) || !row.Match(written) && !strings.Contains(text, "processes") {
			t.Errorf("no %q in what was printed, or no such row in %s", text, page)
		}
	}
	// Both with the folder's real path and with the one that is in TMPDIR.
	if strings.Contains(string(written), b.dir) || strings.Contains(string(written), os.TempDir()) {
		t.Errorf("%s names paths of this machine:\n%s", page, written)
	}
}

// Whatever ends the bench ends its processes. TERM and INT also leave no files.
func TestInterrupted(t *testing.T) {
	const crowd = 150
	b := build(t)
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		cmd := b.command(t, "-only", "scan", "-sizes", "150", "-rounds", "1000000")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the crowd is there", func() bool { return len(b.processes(t)) >= crowd })
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // says that it was interrupted
		eventually(t, signal.String()+": the processes have ended", func() bool { return len(b.processes(t)) == 0 })
		if signal != syscall.SIGKILL {
			b.leaves(t)
		}
	}
}

func needs(t *testing.T, find func() (string, string, error), program string) {
	t.Helper()
	if _, _, err := find(); err != nil {
		need.Program(t, program)
		t.Fatal(err) // another's program of that name
	}
}

// Whoever builds pidproof, or vendors it, gets neither what draws the plot nor what checks the code.
func TestToolsAreOfTheirOwn(t *testing.T) {
	foreign := regexp.MustCompile(`(?m)^(gonum\.org|git\.sr\.ht|codeberg\.org|golang\.org/x/image|honnef\.co|gotest\.tools)/.*`)
	for dir, wanted := range map[string]bool{"../..": false, "../tools": true} {
		modules, err := exec.Command("go", "-C", dir, "list", "-m", "all").Output()
		if err != nil {
			t.Fatal(err)
		}
		if found := foreign.Find(modules); (found != nil) != wanted {
			t.Errorf("the module in %s asks for %q", dir, found)
		}
	}
}

func TestSizes(t *testing.T) {
	if got, err := numbers("100,1000"); err != nil || !slices.Equal(got, []int{100, 1000}) {
		t.Errorf("%v, %v", got, err)
	}
	for _, list := range []string{"", "0", "-1", "10,5", "5,5", "a", "1,", "1 000"} {
		if got, err := numbers(list); err == nil {
			t.Errorf("%q: %v", list, got)
		}
	}
}
