package attack

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"pidproof/testdata/rounds"
)

// A first thread may end before the others: /proc/PID has neither program, arguments, descriptors nor directories then,
// but the process lives, listens, and is the daemon. execve(2) from another thread ends it, too, and the arguments of a new
// program are there a moment after the program.

// heads is a daemon of its own.
const heads = "/srv/sbin/heads"

// startHeads starts it with what was given, and waits until its first thread has ended, if it is to.
func startHeads(t *testing.T, args ...string) process {
	t.Helper()
	copyFile(t, daemon, heads)
	_ = os.Remove(headsPidfile)
	p := startDaemon(t, heads, headsPidfile, args...)
	if args[0] == "-t" {
		until(t, "the first thread has ended", func() bool { return !runs(p.pid()) })
	}
	return p
}

// headsPidfile lies where nobody looks for one unasked.
const headsPidfile = "/srv/heads.pid"

func TestFirstThreadEnded(t *testing.T) {
	onHost(t, func(t *testing.T) {
		tried := 0
		for range rounds.Of(1, 50) {
			for _, ends := range [][]string{{"-l"}, {"-t", "-l"}} { // the first is what a whole one's answers are
				tried += asksHeads(t, ends)
			}
		}
		rounds.Held(t, tried)
	})
}

func asksHeads(t *testing.T, ends []string) (asked int) {
	t.Helper()
	asks := func(when string, exit string, args ...string) answer {
		asked++
		a := ask(t, args...)
		a.fits(t, fmt.Sprint(ends, " ", when), exit)
		return a
	}
	p := startHeads(t, ends...)
	asks("as it was started", "0", "check", "-p", headsPidfile, heads)
	asks("it listens", "150", "check", "--unclaimed=listening", "-p", noPidfile, heads)
	for _, args := range [][]string{{"-c", heads}, {"heads"}} {
		if a := asks("it is there", "0", append([]string{"pidof"}, args...)...); a.out != strconv.Itoa(p.pid())+"\n" {
			t.Errorf("%v: want %d: %s", ends, p.pid(), a)
		}
	}
	asked += userAsks(t, p)
	// Its file is moved, and another comes in its place.
	must(t, os.Rename(heads, heads+".old"))
	copyFile(t, "/srv/bin/nothing", heads)
	asks("its file was moved", "0", "check", "-p", headsPidfile, heads)
	asks("its file was moved, it has no pidfile", "4", "check", "-p", noPidfile, heads)
	asks("its file was moved", "0", "killproc", "-p", headsPidfile, heads)
	p.end()
	p = startHeads(t, append(ends, "-k")...)
	must(t, os.Rename(heads, "/srv/sbin/another"))
	must(t, os.Remove("/srv/sbin/another"))
	copyFile(t, "/srv/bin/nothing", heads)
	write := func(age time.Duration) { must(t, os.Chtimes(headsPidfile, time.Now().Add(-age), time.Now().Add(-age))) }
	write(0)
	asks("it locks its pidfile", "0", "check", "-p", headsPidfile, heads)
	p.end()
	return asked
}

// userAsks: an ordinary user, who may not look into a zombie, and does not wait for it to say what it was.
func userAsks(t *testing.T, p process) (asked int) {
	t.Helper()
	zombie := exec.Command(daemon)
	must(t, zombie.Start())
	must(t, zombie.Process.Kill())
	until(t, "it is a zombie", func() bool { return !runs(zombie.Process.Pid) })
	out, err := asUser(pidproof, "pidof", "heads").CombinedOutput()
	if string(out) != strconv.Itoa(p.pid())+"\n" {
		t.Errorf("beside a zombie a user is told %q, %v", out, err)
	}
	_ = zombie.Wait()
	return 1
}

func TestExecutesItself(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		total := rounds.Of(200, 2_000)
		for _, how := range []string{"main", "thread"} {
			script, pidfile := "/srv/sbin/again-"+how, "/srv/again-"+how+".pid"
			must(t, os.WriteFile(script, []byte("#!/srv/bin/again\n"), 0o755))
			p := process{Cmd: exec.Command(script, pidfile)}
			must(t, p.Start())
			t.Cleanup(p.end)
			pid := strconv.Itoa(p.pid()) + "\n"
			until(t, pidfile+" is written", func() bool {
				content, err := os.ReadFile(pidfile)
				return err == nil && string(content) == pid
			})
			then := time.Now().Add(time.Hour) // so that nothing but the script proves what it is
			must(t, os.Chtimes(pidfile, then, then))
			for n := range total {
				h.asks(t, how, []question{
					{[]string{"check", "-p", pidfile, script}, "0", ""},
					{[]string{"check", "-p", noPidfile, script}, "150", ""},
					{[]string{"pidof", "-x", script}, "0", pid},
					{[]string{"pidof", "-cx", "again-" + how}, "0", pid},
					{[]string{"killproc", "-p", pidfile, script, "CONT"}, "0", ""},
					{[]string{"start-stop-daemon", "--status", "--pidfile", pidfile, "--startas", script}, "0", ""},
				}[n%6])
				if t.Failed() {
					t.Fatalf("in round %d of %d", n, total)
				}
			}
			p.end()
		}
		rounds.Held(t, 2*total)
	})
}
