package main

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// A daemon takes this long to end, once it got the TERM.
	minEnding, maxEnding = 5 * time.Millisecond, 300 * time.Millisecond
	// `wait` is given this long to start before its daemon gets the TERM.
	settle = 100 * time.Millisecond
	// No command here needs longer.
	patience = 30 * time.Second
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

// stopCommand is one way to stop a daemon.
type stopCommand struct {
	name     string // for people: F is the pidfile, D the daemon
	argv     func(pid int) []string
	onlyWait bool // somebody else sends the TERM
	ours     bool // must not return early
	promised bool // within pidproof's own limit
}

// stopBench asks: how long after a daemon's last process has ended does the command that stops it return?
type stopBench struct {
	daemon, pidfile string
	commands        []stopCommand
	tools           []string
}

func newStopBench(dir string) (*stopBench, error) {
	b := &stopBench{daemon: filepath.Join(dir, daemonName), pidfile: filepath.Join(dir, daemonName+".pid")}
	if err := installDaemon(b.daemon); err != nil {
		return nil, err
	}
	version, err := firstLine(*pidproof, "--version")
	if err != nil {
		return nil, fmt.Errorf("%w (make builds it)", err)
	}
	b.tools = append(b.tools, version)

	ssd := []string{"start-stop-daemon", "--stop", "--retry", "5", "--pidfile", b.pidfile, "--exec", b.daemon}
	b.add("pidproof killproc -p F D", *pidproof, "killproc", "-p", b.pidfile, b.daemon).promised = true
	b.add("pidproof killproc --workers -p F D", *pidproof, "killproc", "--workers", "-p", b.pidfile, b.daemon)
	wait := b.add("pidproof wait stopped -p F D", *pidproof, "wait", "stopped", "-p", b.pidfile, b.daemon)
	wait.promised, wait.onlyWait = true, true
	b.add("pidproof start-stop-daemon --stop --retry 5 --pidfile F --exec D", append([]string{*pidproof}, ssd...)...)
	for i := range b.commands {
		b.commands[i].ours = true
	}
	if real, version, err := realStartStopDaemon(); err != nil {
		fmt.Fprintf(os.Stderr, "bench: dpkg's start-stop-daemon is left out: %v\n", err)
	} else {
		b.add("dpkg's start-stop-daemon --stop --retry 5 --pidfile F --exec D", append([]string{real}, ssd[1:]...)...)
		b.tools = append(b.tools, "dpkg's "+version)
	}
	b.commands = append(b.commands, stopCommand{
		name: "apache2's init script: kill -TERM, while kill -0: sleep 1",
		argv: func(pid int) []string { return []string{"/bin/sh", "-c", sleepLoop, "sh", strconv.Itoa(pid)} },
	})
	// busybox's start-stop-daemon is no row: it returns without waiting.
	return b, nil
}

func (b *stopBench) add(name string, argv ...string) *stopCommand {
	b.commands = append(b.commands, stopCommand{name: name, argv: func(int) []string { return argv }})
	return &b.commands[len(b.commands)-1]
}

// run lets the commands take turns, so that whatever else the machine does meets them all.
func (b *stopBench) run(rounds int) (*stops, error) {
	result := &stops{commands: b.commands, tools: b.tools, took: make([][]time.Duration, len(b.commands))}
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
func (b *stopBench) stop(command stopCommand, ending time.Duration) (took, seen time.Duration, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return 0, 0, err
	}
	defer r.Close()
	daemon, err := start(w, b.daemon, b.pidfile, ending.String())
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

// child is a process that this one started, held by a pidfd.
type child struct {
	cmd   *exec.Cmd
	pidfd int
	ended time.Duration // CLOCK_MONOTONIC when it was seen to have ended; 0 until then
	err   error         // what cmd.Wait said then
}

func start(stdout *os.File, argv ...string) (*child, error) {
	c := &child{cmd: exec.Command(argv[0], argv[1:]...), pidfd: -1}
	c.cmd.Stderr = os.Stderr
	if stdout != nil { // not as a nil *os.File in an interface
		c.cmd.Stdout = stdout
	}
	c.cmd.SysProcAttr = &unix.SysProcAttr{PidFD: &c.pidfd}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	if c.pidfd < 0 {
		c.kill()
		return nil, errors.New("this kernel gives no pidfds")
	}
	return c, nil
}

// watch notes when the daemon and the command that stops it end. Each is waited for at once: to `kill -0` a zombie still
// runs.
func watch(daemon, stopper *child) error {
	watched := []*child{daemon, stopper}
	for daemon.ended == 0 || stopper.ended == 0 {
		fds := []unix.PollFd{{Fd: -1, Events: unix.POLLIN}, {Fd: -1, Events: unix.POLLIN}}
		for i, c := range watched {
			if c.ended == 0 {
				fds[i].Fd = int32(c.pidfd)
			}
		}
		limit := patience
		if stopper.ended != 0 {
			limit = grace
		}
		n, err := unix.Poll(fds, int(limit.Milliseconds()))
		now := monotonic()
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return err
		case n == 0 && stopper.err != nil:
			return stopper.err
		case n == 0 && stopper.ended != 0:
			return fmt.Errorf("it returned, and %v later the daemon had not ended", grace)
		case n == 0:
			return fmt.Errorf("it has not returned after %v", patience)
		}
		for i, c := range watched {
			if fds[i].Revents != 0 {
				c.ended, c.err = now, c.cmd.Wait()
			}
		}
	}
	return nil
}

// kill ends a process that has not ended; os.Process signals through a pidfd, too.
func (c *child) kill() {
	if c.ended == 0 {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
	}
	if c.pidfd >= 0 {
		unix.Close(c.pidfd)
	}
}

// monotonic reads CLOCK_MONOTONIC, which all processes share; time.Time's is relative to the process.
func monotonic() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(err) // clock_gettime(2): only for a clock that does not exist
	}
	return time.Duration(now.Nano())
}
