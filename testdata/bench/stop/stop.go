// Package stop measures how soon the commands that stop a daemon return after its end.
package stop

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/testdata/bench/host"
	"pidproof/testdata/bench/programs"
	"pidproof/testdata/waiting"
)

const (
	// A daemon takes this long to end, once it got the TERM.
	minEnding, maxEnding = 5 * time.Millisecond, 300 * time.Millisecond
	// `wait` is given this long to come to rest before its daemon gets the TERM.
	settle = 100 * time.Millisecond
	// No command here needs longer.
	patience = waiting.Limit
	// A daemon that is still there so long after the command's return was not stopped by it.
	grace = 100 * time.Millisecond
)

// sleepLoop is apache_wait_stop of /etc/init.d/apache2 in Debian's apache2 2.4.71-1~deb12u1, less its log messages.
// There apache2ctl sends the TERM.
const sleepLoop = `PIDTMP=$1
kill -TERM "$PIDTMP"
i=0
while kill -0 "$PIDTMP" 2>/dev/null; do
	if [ "$i" = 60 ]; then
		exit 2
	fi
	sleep 1
	i=$((i + 1))
done`

// command is one way to stop a daemon.
type command struct {
	name     string // for people: F is the pidfile, D the daemon
	argv     func(pid int) []string
	onlyWait bool // somebody else sends the TERM
	ours     bool // must not return early
	promised bool // within pidproof's own limit
}

// Bench asks: how long after a daemon's last process has ended does the command that stops it return?
type Bench struct {
	daemon, pidfile string
	commands        []command
	tools           []string
}

func New(dir, pidproof string) (*Bench, error) {
	daemon, err := programs.BuildDaemon(dir)
	if err != nil {
		return nil, err
	}
	b := &Bench{daemon: daemon, pidfile: daemon + ".pid"}
	version, err := host.FirstLine(pidproof, "--version")
	if err != nil {
		return nil, fmt.Errorf("%w (make builds it)", err)
	}
	b.tools = append(b.tools, version)

	ssd := []string{"start-stop-daemon", "--stop", "--retry", "5", "--pidfile", b.pidfile, "--exec", b.daemon}
	b.add("pidproof killproc -p F D", pidproof, "killproc", "-p", b.pidfile, b.daemon).promised = true
	b.add("pidproof killproc --workers -p F D", pidproof, "killproc", "--workers", "-p", b.pidfile, b.daemon)
	wait := b.add("pidproof wait stopped -p F D", pidproof, "wait", "stopped", "-p", b.pidfile, b.daemon)
	wait.promised, wait.onlyWait = true, true
	b.add("pidproof start-stop-daemon --stop --retry 5 --pidfile F --exec D", append([]string{pidproof}, ssd...)...)
	for i := range b.commands {
		b.commands[i].ours = true
	}
	if real, version, err := host.StartStopDaemon(); err != nil {
		fmt.Fprintf(os.Stderr, "bench: left out: %v\n", err)
	} else {
		b.add("dpkg's start-stop-daemon --stop --retry 5 --pidfile F --exec D", append([]string{real}, ssd[1:]...)...)
		b.tools = append(b.tools, version)
	}
	b.commands = append(b.commands, command{
		name: "apache2's init script: kill -TERM, while kill -0: sleep 1",
		argv: func(pid int) []string { return []string{"/bin/sh", "-c", sleepLoop, "sh", strconv.Itoa(pid)} },
	})
	// busybox's start-stop-daemon is no row: it returns without waiting.
	return b, nil
}

func (b *Bench) add(name string, argv ...string) *command {
	b.commands = append(b.commands, command{name: name, argv: func(int) []string { return argv }})
	return &b.commands[len(b.commands)-1]
}

// Run lets the commands take turns, so that whatever else the machine does meets them all.
func (b *Bench) Run(rounds int) (*Result, error) {
	result := &Result{commands: b.commands, tools: b.tools, took: make([][]time.Duration, len(b.commands))}
	chance := rand.New(rand.NewPCG(868861, 736258)) // the same endings in every run
	fmt.Fprintf(os.Stderr, "bench: %d rounds of %d commands, about 3 s each\n", rounds, len(b.commands))
	for range rounds {
		ending := minEnding + time.Duration(chance.Int64N(int64(maxEnding-minEnding)))
		for _, i := range chance.Perm(len(b.commands)) {
			took, seen, err := b.stop(b.commands[i], ending)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", b.commands[i].name, err)
			}
			result.took[i] = append(result.took[i], took)
			result.seen = append(result.seen, seen)
		}
	}
	return result, nil
}

// stop has one command stop a new daemon. took lies between the daemon's end and the command's, and is negative for one
// that did not wait so long. seen says how long after the daemon's last act its end was noticed here, by the same system
// call that notices the command's.
func (b *Bench) stop(command command, ending time.Duration) (took, seen time.Duration, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return 0, 0, err
	}
	defer r.Close()
	daemon, err := start(w, b.daemon, b.pidfile, ending.String(), patience.String())
	w.Close()
	if err != nil {
		return 0, 0, err
	}
	defer daemon.kill()
	said := bufio.NewScanner(r)
	if err := errors.Join(r.SetReadDeadline(time.Now().Add(patience)), expect(said, "ready")); err != nil {
		return 0, 0, err
	}
	stopper, err := start(nil, command.argv(daemon.cmd.Process.Pid)...)
	if err != nil {
		return 0, 0, err
	}
	defer stopper.kill()
	if command.onlyWait {
		if err := awaitHold(stopper.cmd.Process.Pid, daemon.cmd.Process.Pid); err != nil {
			return 0, 0, err
		}
		time.Sleep(settle)
		if err := daemon.cmd.Process.Signal(unix.SIGTERM); err != nil {
			return 0, 0, err
		}
	}
	if err := watch(daemon, stopper); err != nil {
		return 0, 0, err
	}
	said.Scan()
	last, err := strconv.ParseInt(said.Text(), 10, 64)
	if err != nil {
		return 0, 0, fmt.Errorf("the daemon did not end by itself: %w", errors.Join(err, daemon.err))
	}
	if stopper.err != nil {
		return 0, 0, stopper.err
	}
	if took = stopper.ended - daemon.ended; took < 0 && command.ours {
		return 0, 0, fmt.Errorf("it returned %v before the daemon had ended", -took)
	}
	return took, daemon.ended - time.Duration(last), nil
}

func expect(said *bufio.Scanner, word string) error {
	if !said.Scan() || said.Text() != word {
		return fmt.Errorf("the daemon did not start: it said %q, not %q: %w", said.Text(), word, said.Err())
	}
	return nil
}
