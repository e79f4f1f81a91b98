package attack

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/testdata/rounds"
)

// Whoever may write in the pidfile's directory puts something else in its place while it is read, again and again: root's
// file by a link, a FIFO, a device, pidfiles that name innocents. What is asked ends, and signals nobody but the daemon.

// flipped is a pidfile that is something else all the time.
type flipped struct {
	dealer
	pidfile   string
	daemon    int
	innocents []int
}

// newFlipped has the directory's owner do that. The daemon is his, too; the innocents are root's, and his.
func newFlipped(t *testing.T, dir string, owner int) flipped {
	t.Helper()
	must(t, os.Mkdir(dir, 0o755))
	must(t, os.Chown(dir, owner, owner))
	f := flipped{dealer: newDealer(t), pidfile: filepath.Join(dir, "webd.pid")}
	startOne := func(uid int, masked bool, argv ...string) int {
		pid, err := f.start(0, uid, masked, argv...)
		if err != nil || pid < 0 {
			t.Fatal(pid, err)
		}
		t.Cleanup(func() { _ = f.end(pid) })
		return pid
	}
	f.daemon = startOne(owner, false, daemon)
	f.innocents = []int{startOne(-1, true, stranger), startOne(nobody, true, stranger), startOne(-1, true, daemon)}
	write(t, "/run/other.pid", f.innocents[2], 0)

	write(t, f.pidfile, f.daemon, 0)
	must(t, os.Chown(f.pidfile, owner, owner))
	others := f.others(t, dir, owner)
	flip := exec.Command("/srv/bin/flip", append([]string{f.pidfile}, others...)...)
	flip.SysProcAttr = as(uint32(owner))
	start(t, flip)
	return f
}

// others are what the pidfile is exchanged for.
func (f flipped) others(t *testing.T, dir string, owner int) (others []string) {
	t.Helper()
	at := func(name string) string {
		others = append(others, filepath.Join(dir, name))
		return others[len(others)-1]
	}
	// Root's own link to another instance's pidfile means that instance.
	must(t, os.Symlink(map[bool]string{true: "names-stranger", false: "/run/other.pid"}[owner == 0], at("link-to-file")))
	must(t, os.Symlink(filepath.Join(dir, "fifo"), at("link-to-fifo")))
	must(t, os.Symlink("/nowhere/x.pid", at("dangling")))
	must(t, os.Symlink("loop", at("loop")))
	must(t, os.Symlink("/proc/self/fd/0", at("stdin")))
	must(t, os.Symlink("/dev/tty", at("terminal")))
	must(t, unix.Mkfifo(at("fifo"), 0o644))
	must(t, os.Mkdir(at("directory"), 0o755))
	must(t, unix.Mknod(at("zero"), unix.S_IFCHR|0o644, int(unix.Mkdev(1, 5))))
	must(t, unix.Mknod(at("null"), unix.S_IFCHR|0o644, int(unix.Mkdev(1, 3))))
	must(t, unix.Mknod(at("driverless"), unix.S_IFBLK|0o644, int(unix.Mkdev(240, 1))))
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() { _ = unix.Close(socket) })
	must(t, unix.Bind(socket, &unix.SockaddrUnix{Name: at("socket")}))
	write(t, at("names-stranger"), f.innocents[0], 0)
	write(t, at("names-user"), f.innocents[1], 0)
	write(t, at("hard-link"), f.innocents[0], 0)
	must(t, os.Link(filepath.Join(dir, "hard-link"), filepath.Join(dir, "hard-link.2")))
	write(t, at("for-everybody"), f.innocents[0], 0)
	must(t, os.Chmod(filepath.Join(dir, "for-everybody"), 0o666))
	must(t, os.WriteFile(at("damaged"), []byte("\x00\x00\x00\x00-1\n"), 0o644))
	write(t, at("names-all"), -1, 0)
	for _, path := range others {
		must(t, os.Lchown(path, owner, owner))
	}
	return others
}

// flippedQuestions leave the daemon running. start-stop-daemon --start is not among them: the real program, which takes
// over then, waits for a FIFO.
var flippedQuestions = []struct {
	args  string
	exits []string
}{
	{"check -p PIDFILE DAEMON", []string{"0", "1", "4", "150"}},
	{"status -p PIDFILE DAEMON", []string{"0", "1", "3", "4"}},
	{"pidofproc -p PIDFILE DAEMON", []string{"0", "1", "3", "4"}},
	{"killproc -p PIDFILE DAEMON HUP", []string{"0", "3", "4"}},
	{"start-stop-daemon --stop --signal HUP --pidfile PIDFILE --exec DAEMON", []string{"0", "1", "3"}},
	{"start-stop-daemon --stop --signal HUP --pidfile PIDFILE --name webd", []string{"0", "1", "3"}},
	{"start-stop-daemon --status --pidfile PIDFILE --exec DAEMON", []string{"0", "1", "3", "4"}},
}

func TestPidfileSwapped(t *testing.T) {
	onHost(t, func(t *testing.T) {
		playFlipped(t, newFlipped(t, "/run/webd", nobody), rounds.Of(250, 10_000))
	})
}

func TestPidfileSwappedByRoot(t *testing.T) {
	onHost(t, func(t *testing.T) {
		playFlipped(t, newFlipped(t, "/run/webd", 0), rounds.Of(250, 10_000))
	})
}

var namedPID = regexp.MustCompile(`PID (\d+)`)

func playFlipped(t *testing.T, f flipped, total int) {
	t.Helper()
	seen := map[string]int{}
	for n := range total {
		q := flippedQuestions[n%len(flippedQuestions)]
		a := ask(t, strings.Fields(strings.NewReplacer("PIDFILE", f.pidfile, "DAEMON", daemon).Replace(q.args))...)
		seen[a.args[1]+" "+a.exit]++
		a.fits(t, "while the pidfile is swapped", q.exits...)
		if a.args[1] == "check" && a.exit == "0" {
			if m := namedPID.FindStringSubmatch(a.out); m == nil || m[1] != fmt.Sprint(f.daemon) {
				t.Errorf("want PID %d: %s", f.daemon, a)
			}
		}
		for _, innocent := range f.innocents {
			if harm, err := f.harm(innocent); harm != "" || err != nil {
				t.Fatalf("%d got a signal: %s (%v): %s", innocent, harm, err, a)
			}
		}
		if t.Failed() {
			return
		}
	}
	if seen["check 0"]+seen["status 0"]+seen["pidofproc 0"] == 0 || seen["check 4"] == 0 {
		t.Errorf("the pidfile was not swapped: %v", seen)
	}
	if !runs(f.daemon) {
		t.Error("the daemon has ended")
	}
	rounds.Held(t, total)
}

// What scripts do hits an innocent, or hangs, as soon as the pidfile is not the daemon's own.
func TestPidfileSwappedControl(t *testing.T) {
	onHost(t, func(t *testing.T) {
		d := newDealer(t)
		innocent, err := d.start(0, -1, true, stranger)
		must(t, err)
		write(t, "/run/other.pid", innocent, 0)
		must(t, os.Symlink("/run/other.pid", pidfile))
		must(t, exec.Command("/bin/sh", "-c", `kill -HUP $(cat "$1")`, "sh", pidfile).Run())
		if harm, err := d.harm(innocent); harm == "" {
			t.Errorf("the innocent got no signal: %v", err)
		}
		must(t, d.end(innocent))
		must(t, os.Remove(pidfile))
		must(t, unix.Mkfifo(pidfile, 0o644))
		hung := exec.Command("/bin/sh", "-c", `echo ready; kill -HUP $(cat "$1")`, "sh", pidfile)
		p := start(t, hung)
		until(t, "the script waits for the FIFO", func() bool {
			for _, child := range append(children(t, p.pid()), p.pid()) {
				wchan, _ := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", child))
				if slices.Contains([]string{fmt.Sprint(syscall.SYS_OPENAT), fmt.Sprint(syscall.SYS_OPEN)}, strings.Split(string(wchan), " ")[0]) {
					return true
				}
			}
			return false
		})
		time.Sleep(10 * time.Millisecond)
	})
}
