package ondemand

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/matcher/host"
)

// Processes are those that a service has, held by pidfds: who they are is not a matter
// of their numbers.
type Processes struct {
	pids []int
	fds  []int // or gone, or unheld
}

// HoldProcesses holds what runs in the control groups of the service, of its parts and of
// the instances of its template.
func (s *Service) HoldProcesses(ctx context.Context) (*Processes, error) {
	held := new(Processes)
	if s.Unit == nil {
		return held, nil
	}
	groups := []string{held.holdUnit(*s.Unit)}
	units := slices.Clone(s.parts)
	shown, err := show(ctx, []string{"Id", "ControlGroup", "MainPID"}, s.instances...)
	if err != nil {
		return held, err
	}
	for _, p := range shown {
		units = append(units, unitOf(p))
	}
	ancestors, err := host.Ancestors(os.Getpid())
	if err != nil {
		return held, fmt.Errorf("what this command runs under cannot be told: %w", err)
	}
	for _, unit := range units {
		// pam_systemd(8) moves a login, with sshd itself, into a group of its own: there an
		// ancestor tells.
		ours, err := isOurs(unit.Cgroup)
		if err != nil {
			return held, err
		}
		if ours || unit.MainPID > 0 && slices.Contains(ancestors, unit.MainPID) {
			s.ours = append(s.ours, unit.ID)
		} else {
			groups = append(groups, held.holdUnit(unit))
		}
	}
	for _, group := range groups {
		pids, err := pidsIn(group)
		if err != nil {
			return held, err
		}
		for _, pid := range pids {
			held.hold(pid)
		}
	}
	return held, nil
}

// holdUnit gives the control group whose processes have to end, and holds the main one where
// the others outlive it by design, as sessions do sshd: systemd.kill(5).
func (p *Processes) holdUnit(u Unit) (group string) {
	if u.KillMode != "process" && u.KillMode != "none" {
		return u.Cgroup
	}
	if u.MainPID > 0 {
		p.hold(u.MainPID)
	}
	return ""
}

const (
	gone   = -1 // it has ended; also where this kernel has no pidfds, before Linux 5.3
	unheld = -2 // no descriptor was left for it
)

// hold adds a process, and says where.
func (p *Processes) hold(pid int) (at int) {
	fd, err := unix.PidfdOpen(pid, 0)
	switch err {
	case nil:
	case unix.ESRCH, unix.ENOSYS:
		fd = gone
	default:
		fd = unheld
	}
	p.pids, p.fds = append(p.pids, pid), append(p.fds, fd)
	return len(p.fds) - 1
}

// drop lets go of the one that was held last.
func (p *Processes) drop(at int) {
	if p.fds[at] >= 0 {
		unix.Close(p.fds[at])
	}
	p.pids, p.fds = p.pids[:at], p.fds[:at]
}

// cgroupRoots are where systemd's hierarchy is mounted: unified, and hybrid, cgroups(7).
var cgroupRoots = []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"}

// pidsIn are the processes of a control group and of those below it.
func pidsIn(group string) (pids []int, err error) {
	if group == "" || group == "/" {
		return nil, nil
	}
	for _, root := range cgroupRoots {
		err := filepath.WalkDir(root+group, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.IsDir() { // no group
				return unlessGone(err)
			}
			content, err := os.ReadFile(path + "/cgroup.procs")
			if err != nil {
				return unlessGone(err)
			}
			for _, word := range strings.Fields(string(content)) {
				if pid, err := strconv.Atoi(word); err == nil && pid > 0 {
					pids = append(pids, pid)
				}
			}
			return nil
		})
		if len(pids) > 0 || err != nil {
			return pids, err
		}
	}
	return pids, nil
}

// unlessGone: a group, and a process, may go away at any moment; reading one that has
// just gone is ENODEV (kernfs) or ESRCH. EOPNOTSUPP: a threaded group, cgroups(7), whose
// processes are those of the one above.
func unlessGone(err error) error {
	for _, gone := range []error{fs.ErrNotExist, unix.ENODEV, unix.ESRCH, unix.EOPNOTSUPP} {
		if errors.Is(err, gone) {
			return nil
		}
	}
	return err
}

// Await waits until they have ended, and gives those that have not.
func (p *Processes) Await(until time.Time) (left []int) {
	for {
		left = left[:0]
		for i, fd := range p.fds {
			if fd == unheld || fd >= 0 && !ended(fd) {
				left = append(left, p.pids[i])
			}
		}
		if len(left) == 0 || !time.Now().Before(until) {
			return left
		}
		time.Sleep(standingTick)
	}
}

// ended: a pidfd can be read when its process has ended, pidfd_open(2).
func ended(fd int) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	return err == nil && n > 0
}

// Release lets go of them.
func (p *Processes) Release() {
	for _, fd := range p.fds {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	p.fds, p.pids = nil, nil
}

// standingTick is how often a process is looked at.
const standingTick = 50 * time.Millisecond

// seldomTick is how often a unit is looked at that has not changed for a while: it costs a
// process, and wakes PID 1.
const seldomTick = 10 * standingTick

// looks are those at a unit, which become rarer: systemd keeps when it was started last.
type looks struct{ pause time.Duration }

// await waits for the next one.
func (l *looks) await(longest time.Duration) {
	l.pause = min(max(2*l.pause, standingTick), seldomTick)
	time.Sleep(min(l.pause, longest))
}

// StopInstances ends what the service has beside its unit: parts, for which "systemctl
// stop" does not wait, instances of its template, and what inetd has started for it. What
// we run in, as a login, is spared.
func (s *Service) StopInstances(ctx context.Context) (spared []string, err error) {
	if s.accepting() != "" {
		if err := s.lookForInstances(ctx); err != nil {
			return nil, err
		}
	}
	var stop []string
	for _, unit := range s.others() {
		if slices.Contains(s.ours, unit) {
			spared = append(spared, unit)
		} else {
			stop = append(stop, unit)
		}
	}
	if len(stop) > 0 {
		err := job(ctx, "stop", stop)
		if err != nil && (len(s.instances) > 0 || !errors.Is(err, ErrRefused)) { // RefuseManualStop=: Await sees what is left
			return spared, err
		}
	}
	sessions, err := s.endSessions()
	return append(spared, sessions...), err
}

// others are the units that the service has beside its own.
func (s *Service) others() (units []string) {
	for _, part := range s.parts {
		units = append(units, part.ID)
	}
	return append(units, s.instances...)
}

// isOurs reports that a control group is the one that we are in, cgroups(7).
func isOurs(group string) (bool, error) {
	if group == "" {
		return false, nil
	}
	content, err := os.ReadFile("/proc/self/cgroup")
	if errors.Is(err, fs.ErrNotExist) { // a kernel without them
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(string(content)) {
		if fields := strings.SplitN(strings.TrimSpace(line), ":", 3); len(fields) == 3 && strings.HasPrefix(fields[2]+"/", group+"/") {
			return true, nil
		}
	}
	return false, nil
}

// Return is a start of a service after it was stopped.
type Return struct {
	Came    bool
	PID     int // 0: it has no main process
	Started time.Time
}

func (u Unit) back() Return { return Return{true, u.MainPID, u.Started.Time()} }

func (r Return) String() string {
	if r.PID == 0 {
		return "came back"
	}
	return fmt.Sprintf("came back as process %d", r.PID)
}

// startProperties say whether a unit runs, and when it was started last.
var startProperties = []string{"Id", "ActiveState", "MainPID", "ExecMainStartTimestampMonotonic"}

// CameBack tells whether the service has started since a moment.
func (s *Service) CameBack(ctx context.Context, since Moment) (Return, error) {
	if session, err := s.newSession(); err != nil || session.Came || s.Unit == nil {
		return session, err
	}
	shown, err := show(ctx, startProperties, s.Unit.ID)
	if err != nil {
		return Return{}, err
	}
	if now := unitOf(shown[0]); now.Runs() || now.Started > since {
		return now.back(), nil
	}
	if s.accepting() != "" {
		if err := s.lookForInstances(ctx); err != nil {
			return Return{}, err
		}
	}
	others := slices.DeleteFunc(s.others(), func(unit string) bool { return slices.Contains(s.ours, unit) })
	shown, err = show(ctx, startProperties, others...)
	if err != nil {
		return Return{}, err
	}
	for _, p := range shown {
		if now := unitOf(p); now.Runs() || now.Started > since {
			return now.back(), nil
		}
	}
	return Return{}, nil
}

// ErrListens is wrapped where somebody has an address of the service's triggers.
var ErrListens = errors.New("somebody still listens on")

// StaysStopped returns nil if the service does not come back for a while after it was
// stopped, and nobody listens where its triggers did.
func (s *Service) StaysStopped(ctx context.Context, stopped Moment) error {
	holdable, others := s.Active()
	var addresses []Address
	for _, t := range s.Triggers { // armed or not: who listens there serves its clients
		if t.stops || t.Kind.inFile() { // else systemd goes on to listen, and starts nothing
			addresses = append(addresses, t.Listens...)
		}
	}
	var listening []Address
	longest := seldomTick
	if s.accepting() != "" || s.inetd != nil { // what comes for one client, and ends, leaves no trace
		longest = standingTick
	}
	var looks looks
	for until := time.Now().Add(SettleTime); ; looks.await(min(longest, time.Until(until))) {
		back, err := s.CameBack(ctx, stopped)
		if err != nil {
			return err
		}
		if back.Came {
			return fmt.Errorf("%s %v", s.Name, back)
		}
		if listening, err = listened(ctx, addresses); err != nil {
			return err
		}
		if len(holdable)+len(others) == 0 || !time.Now().Before(until) {
			break
		}
	}
	if len(listening) > 0 {
		return fmt.Errorf("%w %s: ss -lntup", ErrListens, listening[0])
	}
	return nil
}
