package attack

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pidproof/testdata/rounds"
)

// While a command is asked to stop a daemon, the daemon ends at some moment, and its number passes to an innocent.
// TestReusedPID of cmd/pidproof does that between all pairs of system calls that matter; here the moment is anybody's,
// and a storm of forks, which an ordinary user can make, runs beside it.

// reusers are the commands, and what they may exit with when the daemon ends before, in, or after the question.
var reusers = []struct {
	args  string
	exits []string
	// alone: no daemon is given, only its late start speaks against an innocent.
	alone bool
}{
	{"killproc -p PIDFILE DAEMON", []string{"0", "4"}, false},
	{"killproc -p PIDFILE DAEMON HUP", []string{"0", "3", "4"}, false},
	{"killproc -p PIDFILE DAEMON TERM", []string{"0", "4"}, false},
	{"killproc -p PIDFILE --workers DAEMON", []string{"0", "4"}, false},
	{"start-stop-daemon --stop --pidfile PIDFILE --exec DAEMON --retry 5", []string{"0", "1", "3"}, false},
	{"start-stop-daemon --stop --pidfile PIDFILE", []string{"0", "1", "3"}, true},
	{"start-stop-daemon --stop --pidfile PIDFILE --name NAME --remove-pidfile", []string{"0", "1", "3"}, false},
	{"start-stop-daemon --stop --exec DAEMON --retry 5", []string{"0", "1", "3"}, false},
	{"start-stop-daemon --stop --name NAME --retry 5", []string{"0", "1", "3"}, false},
	{"adopt --yes -p PIDFILE DAEMON", []string{"0", "1", "3", "4", "150"}, false},
	{"restart --replaced --dry-run DAEMON", []string{"0", "1", "3", "4"}, false},
}

// stranger and sibling are the innocents: another program, and another instance of the daemon, with its own pidfile.
const (
	stranger = "/srv/bin/spoof"
	sibling  = "another instance"
)

// lane plays rounds one after the other, with numbers and files that no other lane uses.
type lane struct {
	dealer
	daemon, pidfile, other string
	number                 int
	age                    time.Duration // of a pidfile, no two lanes' alike: that would show that the clock was set
	took                   time.Duration // by the last commands
	hits                   int           // swaps that came before the command had ended
	random                 *rand.Rand
}

func TestPIDReuseInStorm(t *testing.T) {
	onHost(t, func(t *testing.T) {
		start(t, exec.Command("/srv/bin/storm", "fork"))
		const lanes = 4
		var next, hits atomic.Int64
		var all sync.WaitGroup
		total := int64(rounds.Of(250, 10_000))
		for i := range lanes {
			l := newLane(t, i)
			all.Add(1)
			go func() {
				defer all.Done()
				for {
					n := next.Add(1) - 1
					if n >= total {
						break
					}
					if err := l.play(int(n)); err != nil {
						t.Errorf("round %d: %v", n, err)
						break
					}
				}
				hits.Add(int64(l.hits))
			}()
		}
		all.Wait()
		if hits.Load() < total/10 {
			t.Errorf("the number was reused during the question in %d of %d rounds only", hits.Load(), total)
		}
		rounds.Held(t, int(total))
	})
}

func newLane(t *testing.T, i int) *lane {
	t.Helper()
	name := fmt.Sprintf("web%c", 'a'+i)
	l := &lane{
		dealer: newDealer(t),
		daemon: filepath.Join("/srv/sbin", name), pidfile: "/run/" + name + ".pid", other: "/run/" + name + "-other.pid",
		number: 20_000 + 2_000*i,
		age:    time.Minute + time.Duration(i)*20*time.Second,
		took:   5 * time.Millisecond,
		random: rand.New(rand.NewPCG(uint64(i), 1)),
	}
	copyFile(t, daemon, l.daemon)
	registration := fmt.Sprintf("DAEMON=%s\nPIDFILE=%s\nRESTART='/bin/false'\n", l.daemon, l.pidfile)
	must(t, os.WriteFile(filepath.Join("/srv/instances", name), []byte(registration), 0o644))
	return l
}

// play is one round. What cannot begin, as the storm has the number, begins again.
func (l *lane) play(n int) error {
	for range 20 {
		l.number++
		if l.number%2_000 == 0 {
			l.number -= 1_999
		}
		began, err := l.tryPlay(n)
		if began || err != nil {
			return err
		}
	}
	return errors.New("no number is free")
}

func (l *lane) tryPlay(n int) (began bool, err error) {
	command := reusers[n%len(reusers)]
	innocent := []string{stranger, sibling}[n/len(reusers)%2]
	stop := strings.HasPrefix(command.args, "start-stop-daemon --stop --exec") || strings.HasPrefix(command.args, "start-stop-daemon --stop --name")
	if stop || strings.HasPrefix(command.args, "adopt") {
		innocent = stranger // every instance is meant
	}
	pid, err := l.start(l.number, -1, false, l.daemon)
	if err != nil || pid < 0 {
		return false, err
	}
	defer func() { err = errors.Join(err, l.end(pid), os.RemoveAll(l.pidfile), os.RemoveAll(l.other)) }()
	age := time.Duration(0)
	if command.alone || innocent == sibling {
		age = l.age // of two instances of a daemon, only time tells whose a number is
	}
	if !strings.HasPrefix(command.args, "adopt") {
		if err := writePidfile(l.pidfile, pid, age); err != nil {
			return true, err
		}
	}
	// No number comes round within a clock tick, by which start times are told.
	time.Sleep(20 * time.Millisecond)
	args := strings.Fields(strings.NewReplacer("PIDFILE", l.pidfile, "DAEMON", l.daemon, "NAME", filepath.Base(l.daemon)).Replace(command.args))
	return l.race(pid, innocent, args, command.exits)
}

func (l *lane) race(pid int, innocent string, args, exits []string) (began bool, err error) {
	argv, other := []string{innocent}, "-"
	if innocent == sibling {
		argv, other = []string{l.daemon}, l.other
	}
	type result struct {
		answer
		err   error
		ended time.Time
	}
	asked := make(chan result, 1)
	begun := time.Now()
	go func() {
		a, err := tryRun(append([]string{pidproof}, args...)...)
		asked <- result{a, err, time.Now()}
	}()
	got, err := l.swap(pid, l.random.IntN(1+int(l.took.Microseconds())), -1, other, argv...)
	swapped := time.Now()
	a := <-asked
	l.took = (3*l.took + min(a.ended.Sub(begun), 100*time.Millisecond)) / 4
	if err = errors.Join(err, a.err); err != nil || got < 0 {
		return false, err // the storm has the number
	}
	if swapped.Before(a.ended) {
		l.hits++
	}
	harm, err := l.harm(pid)
	if err != nil {
		return true, err
	}
	if harm != "" {
		return true, fmt.Errorf("%s, %d, now %s, got a signal: %s: %s", l.daemon, pid, innocent, harm, a)
	}
	if !slices.Contains(exits, a.exit) {
		return true, fmt.Errorf("want exit %v: %s", exits, a)
	}
	return true, l.vouchesForNobody(pid)
}

// vouchesForNobody: the innocent's number may stand in the pidfile, but nobody believes that.
func (l *lane) vouchesForNobody(pid int) error {
	a, err := tryRun(pidproof, "check", "-p", l.pidfile, l.daemon)
	if err == nil && a.exit == "0" {
		return fmt.Errorf("%d is an innocent: %s", pid, a)
	}
	return err
}

func writePidfile(path string, pid int, age time.Duration) error {
	then := time.Now().Add(-age)
	return errors.Join(os.WriteFile(path, []byte(strconv.Itoa(pid)+"\n"), 0o644), os.Chtimes(path, then, then))
}

// What scripts do hits the innocent.
func TestPIDReuseControl(t *testing.T) {
	onHost(t, func(t *testing.T) {
		d := newDealer(t)
		pid, err := d.start(20_000, -1, false, daemon)
		must(t, err)
		write(t, pidfile, pid, 0)
		script := exec.Command("/bin/sh", "-c", `read pid <"$1" && echo ready && read go && kill -TERM "$pid"`, "sh", pidfile)
		gate, err := script.StdinPipe()
		must(t, err)
		p := start(t, script)
		if got, err := d.swap(pid, 0, -1, "-", stranger); got != pid {
			t.Fatalf("%d has the number of %d: %v", got, pid, err)
		}
		_, err = gate.Write([]byte("go\n"))
		must(t, err)
		must(t, p.Wait())
		if harm, err := d.harm(pid); harm == "" {
			t.Errorf("the innocent got no signal: %v", err)
		}
	})
}
