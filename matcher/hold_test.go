package matcher

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
	"pidproof/testdata/child"
	"pidproof/testdata/must"
	"pidproof/testdata/waiting"
)

// hosts are this one with pidfds, and as if it had none.
func hosts() map[string]*host {
	return map[string]*host{
		"pidfd":  thisHost(),
		"ENOSYS": withoutPidfd(unix.ENOSYS),
		"EPERM":  withoutPidfd(unix.EPERM),
	}
}

// withoutPidfd is this host before Linux 5.3, or under a seccomp filter.
func withoutPidfd(err error) *host {
	h := thisHost()
	h.PidfdOpen = func(int) (int, error) { return -1, err }
	return h
}

// held is a process as Check with Hold gives it, released at the end.
func held(t *testing.T, h *host, pid int) *Process {
	t.Helper()
	must.Do(t, h.Open())
	p, err := h.hold(rules.Question{}, pid)
	must.Do(t, err)
	t.Cleanup(p.Release)
	return &p
}

// descriptors are those that this process has open, but for the one it counts by.
func descriptors(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must.Do(t, err)
	var out []string
	for _, e := range entries {
		target, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil && target != fmt.Sprintf("/proc/%d/fd", os.Getpid()) {
			out = append(out, e.Name()+" "+target)
		}
	}
	return out
}

// keepsNoDescriptors fails if do leaves one open. The first time, the runtime
// may open its own.
func keepsNoDescriptors(t *testing.T, do func()) {
	t.Helper()
	do()
	before := descriptors(t)
	for range 3 {
		do()
	}
	// Who is left behind in a look, as nobody let it run, closes what it has open later.
	var after []string
	if waiting.Until(func() bool { after = descriptors(t); return len(after) <= len(before) }) {
		return
	}
	if slices.ContainsFunc(after, func(fd string) bool { return strings.HasSuffix(fd, "/cmdline") }) {
		return // somebody on this machine keeps his arguments from being read, for as long as he likes
	}
	t.Errorf("open before: %q\nafter: %q", before, after)
}

// collected waits for a child that was signalled, and gives what ended it.
func collected(c *child.Child) syscall.Signal {
	_ = c.Cmd.Wait()
	status, isStatus := c.Cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !isStatus || !status.Signaled() {
		return 0
	}
	return status.Signal()
}

func TestSignalAndEnd(t *testing.T) {
	for name, h := range hosts() {
		t.Run(name, func(t *testing.T) {
			c := child.Start(t)
			p := held(t, h, c.PID)
			if p.Ended() {
				t.Error("it has ended before it was signalled")
			}
			must.Do(t, p.Signal(0))
			if left := AwaitEnd(waiting.Context(t, time.Now()), []*Process{p}); len(left) != 1 || left[0] != p {
				t.Errorf("it lives, and %d are left", len(left))
			}
			must.Do(t, p.Signal(syscall.SIGUSR1))
			if left := AwaitEnd(waiting.Context(t, time.Now().Add(waiting.Limit)), []*Process{p}); len(left) != 0 {
				t.Error("it has ended, and was not seen to")
			}
			// Its parent has not collected it: it is a zombie.
			if state := procState(t, c.PID); state != "Z" || !p.Ended() {
				t.Errorf("state %s, ended %v", state, p.Ended())
			}
			if err := p.Signal(syscall.SIGTERM); err != unix.ESRCH {
				t.Errorf("a signal to a zombie: %v, want ESRCH", err)
			}
			if got := collected(c); got != syscall.SIGUSR1 {
				t.Errorf("it ended of %v", got)
			}
			if !p.Ended() {
				t.Error("it was collected, and has not ended")
			}
			if err := p.Signal(syscall.SIGTERM); err != unix.ESRCH {
				t.Errorf("a signal to nobody: %v, want ESRCH", err)
			}
		})
	}
}

func procState(t *testing.T, pid int) string {
	t.Helper()
	h := thisHost()
	must.Do(t, h.Open())
	stat, err := h.ReadStat(pid)
	must.Do(t, err)
	return stat.State
}

// A number that passed to another process: what was held is over, and nobody is
// signalled. Without a pidfd the start time tells.
func TestNumberThatPassedOnIsNotSignalled(t *testing.T) {
	for name, h := range hosts() {
		t.Run(name, func(t *testing.T) {
			old, bystander := child.Start(t), child.Start(t)
			p := held(t, h, old.PID)
			old.End()
			p.Evidence.PID = bystander.PID
			if name != "pidfd" { // and both may have started in one tick
				p.Evidence.StartTicks--
			}
			if !p.Ended() {
				t.Error("it has ended")
			}
			for _, signal := range []syscall.Signal{0, syscall.SIGTERM, syscall.SIGKILL} {
				if err := p.Signal(signal); err != unix.ESRCH {
					t.Errorf("signal %d: %v, want ESRCH", signal, err)
				}
			}
			if left := AwaitEnd(waiting.Context(t, time.Now().Add(waiting.Limit)), []*Process{p}); len(left) != 0 {
				t.Errorf("%d are awaited", len(left))
			}
			if state := procState(t, bystander.PID); state == "Z" {
				t.Error("the bystander was signalled")
			}
		})
	}
}

func TestHeldButGone(t *testing.T) {
	for name, h := range hosts() {
		t.Run(name, func(t *testing.T) {
			c := child.Start(t)
			c.End()
			p := held(t, h, c.PID)
			if p.Evidence.Life != fact.Gone || !p.Ended() {
				t.Errorf("%v, ended %v", p.Evidence.Life, p.Ended())
			}
			if err := p.Signal(syscall.SIGKILL); err != unix.ESRCH {
				t.Errorf("got %v, want ESRCH", err)
			}
			if left := AwaitEnd(waiting.Context(t, time.Now().Add(waiting.Limit)), []*Process{p}); len(left) != 0 {
				t.Error("nobody is awaited")
			}
		})
	}
}

func TestAwaitEndOfNobody(t *testing.T) {
	for _, until := range []time.Time{{}, time.Now().Add(waiting.Limit), time.Now().Add(math.MaxInt64)} {
		if left := AwaitEnd(waiting.Context(t, until), nil); len(left) != 0 {
			t.Errorf("%d are left of none", len(left))
		}
	}
}

// Some end, some stay: those that stay are given back in their order, and not
// before the time has come.
func TestAwaitEndOfSome(t *testing.T) {
	for name, h := range hosts() {
		t.Run(name, func(t *testing.T) {
			var children []*child.Child
			var of, stay []*Process
			for i := range 6 {
				children = append(children, child.Start(t))
				of = append(of, held(t, h, children[i].PID))
				if i%2 == 0 {
					stay = append(stay, of[i])
				}
			}
			for i := 1; i < 6; i += 2 {
				must.Do(t, of[i].Signal(syscall.SIGKILL))
			}
			asked := slices.Clone(of)
			until := time.Now().Add(100 * time.Millisecond)
			if left := AwaitEnd(waiting.Context(t, until), of); !slices.Equal(left, stay) {
				t.Errorf("%d are left, want %d", len(left), len(stay))
			}
			if time.Now().Before(until) {
				t.Error("some live, and it returned before its time")
			}
			if !slices.Equal(of, asked) {
				t.Error("the caller's list was changed")
			}
			must.Do(t, stay[0].Signal(syscall.SIGKILL), stay[1].Signal(syscall.SIGKILL), stay[2].Signal(syscall.SIGKILL))
			if left := AwaitEnd(waiting.Context(t, time.Now().Add(waiting.Limit)), stay); len(left) != 0 {
				t.Errorf("%d are left", len(left))
			}
		})
	}
}

// As many as a busy server has workers, of which each is an event of its own.
func TestAwaitEndOfMany(t *testing.T) {
	const many = 200
	cat, err := exec.LookPath("cat")
	must.Do(t, err)
	var commands []*exec.Cmd
	for range many {
		cmd := exec.Command(cat)
		in, err := cmd.StdinPipe()
		must.Do(t, err, cmd.Start())
		defer cmd.Wait()
		defer in.Close()
		commands = append(commands, cmd)
	}
	var of []*Process
	for _, h := range hosts() {
		for range commands[:many/len(hosts())] {
			of = append(of, held(t, h, commands[len(of)].Process.Pid))
		}
	}
	for _, p := range of {
		must.Do(t, p.Signal(syscall.SIGKILL))
	}
	if left := AwaitEnd(waiting.Context(t, time.Now().Add(waiting.Limit)), of); len(left) != 0 {
		t.Errorf("%d of %d are left", len(left), len(of))
	}
}

// `forever` of a schedule, and more: it sleeps until the end comes.
func TestAwaitForever(t *testing.T) {
	for _, until := range []time.Time{time.Now().Add(math.MaxInt64), time.Unix(math.MaxInt32<<8, 0)} {
		cmd := exec.Command("sleep", "0.1")
		must.Do(t, cmd.Start())
		p := held(t, thisHost(), cmd.Process.Pid)
		if kernel.AwaitEvent(waiting.Context(t, until), handles([]*Process{p}), -1); !p.Ended() {
			t.Errorf("until the year %d: it came back at once", until.Year())
		}
		must.Do(t, cmd.Wait())
	}
}

// What is let go of twice must not close what has the descriptor by then.
func TestReleaseTwice(t *testing.T) {
	c := child.Start(t)
	h := thisHost()
	must.Do(t, h.Open())
	p, err := h.hold(rules.Question{}, c.PID)
	must.Do(t, err)
	p.Release()
	mine, err := os.Open("/")
	must.Do(t, err)
	defer mine.Close()
	p.Release()
	(&Process{}).Release()
	if _, err := mine.Stat(); err != nil {
		t.Errorf("another's descriptor was closed: %v", err)
	}
}

// Nobody to hold has no descriptor: 0 would be standard input.
func TestReleaseOfNobody(t *testing.T) {
	stdin, err := os.Readlink("/proc/self/fd/0")
	must.Do(t, err)
	for _, h := range hosts() {
		must.Do(t, h.Open())
		for _, pid := range []int{fact.PIDMax, unix.Gettid(), -1, 0} {
			p, err := h.hold(rules.Question{}, pid)
			if p.held != nil && p.held.Fd == 0 {
				t.Errorf("%d is held by descriptor 0 (%v)", pid, err)
			}
			p.Release()
		}
	}
	if now, err := os.Readlink("/proc/self/fd/0"); err != nil || now != stdin {
		t.Errorf("standard input is %s, %v; was %s", now, err, stdin)
	}
}

func TestNothingStaysOpen(t *testing.T) {
	c, gone := child.Start(t), child.Start(t)
	gone.End()
	pidfile, stale := c.Pidfile(), gone.Pidfile()
	ctx := context.Background()
	uid := os.Getuid()
	check := func(in Instance) func() {
		return func() {
			r, err := Check(ctx, in)
			if err != nil && !errors.Is(err, ErrDaemon) {
				t.Error(err)
			}
			if in.Hold {
				r.Release()
			}
			r.Release() // harmless
		}
	}
	match := func(c rules.Criteria) func() {
		return func() {
			m, err := Match(ctx, c, nil)
			if err != nil && !errors.Is(err, ErrDaemon) {
				t.Error(err)
			}
			m.Release()
			m.Release()
		}
	}
	for name, do := range map[string]func(){
		"running":          check(Instance{Daemon: c.Path, Pidfile: pidfile}),
		"running, held":    check(Instance{Daemon: c.Path, Pidfile: pidfile, Hold: true}),
		"others":           check(Instance{Daemon: c.Path, Pidfile: pidfile, Others: true, Sockets: true}),
		"others, held":     check(Instance{Daemon: c.Path, Pidfile: pidfile, Others: true, Sockets: true, Hold: true}),
		"another's number": check(Instance{Daemon: gone.Path, Pidfile: pidfile, Hold: true}),
		"stale":            check(Instance{Daemon: c.Path, Pidfile: stale, Hold: true}),
		"no pidfile":       check(Instance{Daemon: c.Path, Pidfile: pidfile + ".none", Hold: true}),
		"unusable":         check(Instance{Daemon: c.Path, Pidfile: filepath.Dir(pidfile), Hold: true}),
		"no daemon":        check(Instance{Daemon: "/", Pidfile: pidfile, Hold: true}),
		"many of them":     check(Instance{Daemon: "/proc/self/exe", Hold: true}),
		"find a path":      func() { _, err := Find(ctx, c.Path, Finding{Scripts: true}); must.Do(t, err) },
		"find a name": func() {
			_, err := Find(ctx, "daemon", Finding{Scripts: true, Zombies: true, SameRoot: true})
			must.Do(t, err)
		},
		"find all of a kind": func() { _, err := Find(ctx, "/bin/sh", Finding{}); must.Do(t, err) },
		"match a pidfile":    match(rules.Criteria{Pidfile: pidfile}),
		"match stale":        match(rules.Criteria{Pidfile: stale}),
		"match exec":         match(rules.Criteria{Exec: c.Path}),
		"match both":         match(rules.Criteria{Exec: c.Path, Pidfile: pidfile, UID: &uid}),
		"match a PID":        match(rules.Criteria{PID: c.PID, PPID: 1}),
		"match a name":       match(rules.Criteria{Name: "daemon"}),
		"match a user":       match(rules.Criteria{UID: &uid}),
		"match no daemon":    match(rules.Criteria{Exec: "/"}),
		"watch": func() {
			w := NewWatch(pidfile)
			w.Arm()
			w.Arm()
			w.Close()
		},
		"remove": func() {
			copied := pidfile + ".copy"
			must.Write(t, copied, strconv.Itoa(c.PID))
			must.Do(t, Pidfile{thisHost().readPidfileOnce(copied)}.Remove())
			must.Write(t, copied, "1")
			p := thisHost().readPidfileOnce(copied)
			must.Write(t, copied, "2")
			if err := (Pidfile{p}).Remove(); !errors.Is(err, errNotRemoved) {
				t.Errorf("got %v", err)
			}
		},
		"remaining": func() {
			r, err := Check(ctx, Instance{Daemon: c.Path, Pidfile: pidfile, Hold: true})
			must.Do(t, err)
			left, _, _ := Instance{Daemon: c.Path, Pidfile: pidfile}.Remaining(ctx, r.Mains(), nil)
			for _, p := range left {
				p.Release()
			}
			r.Release()
		},
	} {
		t.Run(name, func(t *testing.T) { keepsNoDescriptors(t, do) })
	}
}

// A pidfile that is rewritten while all processes are looked at is asked about
// again: what was held for the first answer is let go.
func TestNothingStaysOpenAfterRereads(t *testing.T) {
	c, other := child.Start(t), child.Start(t)
	pidfile := other.Pidfile()
	keepsNoDescriptors(t, func() {
		h := thisHost()
		boot := h.Boot
		asked := 0
		h.Boot = func() (time.Time, error) { // once for each process that is looked at
			at := time.Unix(int64(asked), 0)
			asked++
			must.Do(t, os.Chtimes(pidfile, at, at))
			return boot()
		}
		r, err := h.check(context.Background(), Instance{Daemon: c.Path, Pidfile: pidfile, Hold: true})
		if err != nil || r.Verdict != Unknown || r.Rule != rules.RuleUnusable {
			t.Errorf("%v %v (%s), %v", r.Verdict, r.Rule, r.Reason, err)
		}
		r.Release()
	})
}

// What cannot be read: the processes that were held before it are let go.
func TestNothingStaysOpenAfterErrors(t *testing.T) {
	c, second := child.Start(t), child.Start(t)
	pidfile := c.Pidfile()
	broken := errors.New("broken")
	for at := range 4 {
		keepsNoDescriptors(t, func() {
			for name, ask := range map[string]func(*host) error{
				"check": func(h *host) error {
					r, err := h.check(context.Background(), Instance{Daemon: c.Path, Pidfile: pidfile, Others: true, Hold: true})
					r.Release()
					return err
				},
				"name": func(h *host) error {
					m, err := h.match(context.Background(), rules.Criteria{Name: "daemon"})
					m.Release()
					return err
				},
				"exec": func(h *host) error {
					m, err := h.match(context.Background(), rules.Criteria{Exec: second.Path})
					m.Release()
					return err
				},
				"pid": func(h *host) error {
					m, err := h.match(context.Background(), rules.Criteria{PID: c.PID})
					m.Release()
					return err
				},
				"find": func(h *host) error {
					_, err := h.find(c.Path, Finding{})
					if errors.Is(err, ErrNoAnswer) {
						err = nil
					}
					return err
				},
			} {
				h := thisHost()
				boot, asked := h.Boot, 0
				h.Boot = func() (time.Time, error) {
					if asked++; asked > at {
						return time.Time{}, broken
					}
					return boot()
				}
				if err := ask(h); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

// Living are those to wait for: no other instance's, no container's, nobody who
// has ended.
func TestLiving(t *testing.T) {
	h := thisHost()
	must.Do(t, h.Open())
	process := func(role Role) *Process {
		p := held(t, h, child.Start(t).PID)
		p.Role = role
		return p
	}
	main, dead := process(RoleMain), child.Start(t)
	ended := held(t, h, dead.PID)
	dead.End()
	r := Report{Main: main, Others: []*Process{
		process(RoleWorker), process(RoleOther), process(RoleForeign), process(RoleLeftover), process(RoleUnclaimed), ended, {Role: RoleWorker},
	}}
	var roles []Role
	for _, p := range r.Living() {
		roles = append(roles, p.Role)
	}
	if want := []Role{RoleMain, RoleWorker, RoleLeftover, RoleUnclaimed}; !slices.Equal(roles, want) {
		t.Errorf("got %q, want %q", roles, want)
	}
	r.Release()
	if left := r.Living(); len(left) != 0 {
		t.Errorf("%d live after they were released", len(left))
	}
	if left := (&Report{}).Living(); len(left) != 0 {
		t.Errorf("%d live of none", len(left))
	}
}

// Who gives up asking need not wait for the deadline: the context's end is noticed at
// once, also where no pidfd holds the process.
func TestAwaitIsCancelled(t *testing.T) {
	for name, h := range hosts() {
		t.Run(name, func(t *testing.T) {
			p := held(t, h, child.Start(t).PID)
			w := NewWatch(filepath.Join(t.TempDir(), "x.pid"))
			defer w.Close()
			w.Arm()
			for what, wait := range map[string]func(context.Context){
				"an end":   func(ctx context.Context) { AwaitEnd(ctx, []*Process{p}) },
				"a change": func(ctx context.Context) { w.Await(ctx, []*Process{p}) },
				"nothing":  func(ctx context.Context) { w.Await(ctx, nil) },
			} {
				for range 50 { // before it waits, and while it does
					ctx, cancel := context.WithCancel(waiting.Context(t, time.Now().Add(waiting.Limit)))
					returned := make(chan bool)
					go func() { wait(ctx); close(returned) }()
					runtime.Gosched()
					cancel()
					select {
					case <-returned:
					case <-time.After(waiting.Limit / 2):
						t.Fatalf("%s is awaited though nobody asks any more", what)
					}
				}
			}
			if p.Ended() {
				t.Error("it has ended")
			}
		})
	}
}
