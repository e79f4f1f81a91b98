package quiesce

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/cmd/pidproof/internal/maintscript"
	"pidproof/cmd/pidproof/internal/ondemand"
	"pidproof/cmd/pidproof/internal/onlyone"
	"pidproof/cmd/pidproof/internal/record"
	"pidproof/cmd/pidproof/internal/say"
)

// What a maintainer script stops is not always started by one: rtkit's stops a service that
// the bus starts. So what is held off for a package is given back when dpkg has done with it,
// by a process that waits for that, which whoever holds something off starts.

// GiveBack restores what is held off of some services for packages, if dpkg has done with
// them. That not all could be restored is said.
func GiveBack(c *say.Console, command string, services []string) {
	for _, service := range services {
		_, _ = giveBack(c, command, service)
	}
}

// giveBack is that for one service; an error is one that was said.
func giveBack(c *say.Console, command, service string) (ondemand.Released, error) {
	ctx, cancel := context.WithTimeout(context.Background(), Limit) // a service may be stopped for its sockets
	defer cancel()
	released, err := ondemand.Release(ctx, service, maintscript.Done)
	if len(released.Restored) > 0 {
		record.Entry{Command: command}.Did(record.Field{Name: "service", Value: service},
			record.Field{Name: "restored", Value: strings.Join(released.Restored, " ")})
	}
	switch {
	case err != nil && released.Tried:
		c.Warn("%s: not all could be restored: %v; pidproof unquiesce %[1]s tries again", service, err)
		return released, err
	case released.Restarted:
		sayRestarted(c, service)
	}
	return released, nil
}

// A package that dpkg could not configure is waited for no longer than a day: the hook of apt
// names what is held off still. dpkg-query(1) is asked when dpkg has noted something, and now
// and then: it may have had no answer, and dpkg-reconfigure notes nothing.
const (
	packageLimit = 24 * time.Hour
	packageTick  = time.Second
	ticksToAsk   = 10
)

// What could not be restored, because systemd had no answer or somebody has the port, is tried
// again after a while, and then after twice that.
const (
	firstRetry = 5 * time.Second
	retries    = 10
)

const waiterLock = "after-dpkg"

// AfterDpkg waits, and gives back. There is one that does at a time: who finds another leaves
// it to that, which looks once more when it has let go of the lock.
func AfterDpkg(c *say.Console) error {
	letGo()
	w := waiter{c, map[string]*waiting{}}
	for len(w.services()) > 0 {
		unlock, err := onlyone.Lock(waiterLock, 0)
		if errors.Is(err, onlyone.ErrTaken) {
			return nil
		}
		if err != nil {
			return err
		}
		w.run()
		unlock()
	}
	return nil
}

// letGo closes what we have inherited: the pipe of who has called dpkg, a lock of flock(1),
// debconf's descriptor 3, all kept as long as we wait. What is our own is closed at exec.
func letGo() {
	open, _ := os.ReadDir("/proc/self/fd") // without /proc nothing is known
	for _, entry := range open {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil || fd <= 2 {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(fd)
		}
	}
}

type waiter struct {
	*say.Console
	of map[string]*waiting // by the service
}

// waiting is how long a service is waited for.
type waiting struct {
	until   time.Time
	next    time.Time // not before
	retries int
}

func (w waiter) run() {
	asked, ticks := maintscript.State{}, 0
	for services := w.services(); len(services) > 0; services = w.services() {
		now := maintscript.Look()
		all := now != asked || ticks >= ticksToAsk
		if all {
			asked, ticks = now, 0
		}
		for _, service := range services {
			if its := w.of[service]; all && its.next.IsZero() || !its.next.IsZero() && time.Now().After(its.next) {
				w.giveBack(service, its)
			}
		}
		ticks++
		time.Sleep(packageTick)
	}
}

func (w waiter) giveBack(service string, its *waiting) {
	its.next = time.Time{}
	released, err := giveBack(w.Console, "unquiesce", service)
	if err == nil {
		return
	}
	its.next = time.Now().Add(firstRetry << (retries - its.retries))
	if its.retries--; released.Restarted { // it would be stopped each time
		its.retries = 0
	}
}

// services are those that are to be given back.
func (w waiter) services() []string {
	services, _ := ondemand.Awaited() // without the records' directory there is none
	for service := range w.of {
		if !slices.Contains(services, service) { // who holds it off anew begins anew
			delete(w.of, service)
		}
	}
	return slices.DeleteFunc(services, func(service string) bool {
		if w.of[service] == nil {
			w.of[service] = &waiting{until: time.Now().Add(packageLimit), retries: retries}
		}
		return w.of[service].retries <= 0 || !time.Now().Before(w.of[service].until)
	})
}

// giveBackLater starts the process that waits. It is systemd's where that runs: it is to
// outlive the session that dpkg is called from.
func (q Quiescing) giveBackLater(services []*stopping) {
	awaited, _ := ondemand.Awaited() // without the records' directory there is none
	if q.Package == "" || !slices.ContainsFunc(services, func(s *stopping) bool { return slices.Contains(awaited, s.Name) }) {
		return
	}
	if err := q.startWaiter(services[0].Manager); err != nil && q.ctx.Err() == nil {
		q.Warn("what is held off is not given back when dpkg has done with %s: %v", maintscript.Plain(q.Package), err)
	}
}

func (q Quiescing) startWaiter(manager string) error {
	unlock, err := onlyone.Lock(waiterLock, 0)
	if errors.Is(err, onlyone.ErrTaken) {
		return nil // it looks again before it ends
	}
	if err == nil { // else without: who waits says why not
		unlock()
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	command := []string{self, "unquiesce", "--after-dpkg"}
	if manager == "systemd" {
		_, err := step(q, func(ctx context.Context) (struct{}, error) { return struct{}{}, ondemand.RunUnder(ctx, command) })
		return err
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir, cmd.SysProcAttr = "/", &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return handover.NotExecuted(self, err)
	}
	return cmd.Process.Release()
}
