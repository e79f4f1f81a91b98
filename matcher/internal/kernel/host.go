package kernel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

// System is where facts come from: this machine, or a fixture's tree in its
// place. It holds no answers, only the way to them.
type System struct {
	Proc string // where /proc is

	Now  func() time.Time
	Boot func() (time.Time, error)
	// PidfdOpen is pidfd_open(2); a fixture's processes have none.
	PidfdOpen func(pid int) (int, error)
	// Taken asks, where no pidfd can, whether a number belongs to a process of
	// another user. It keeps "hidden" from being read as "gone", no more.
	Taken func(pid int) bool

	// Still: a picture of a host, in which nothing changes, and executables need not exist.
	// The kernel always has the file that a process runs.
	Still bool
	// until is when the answer has to be there; zero: nobody waits. allowed is how long it may take.
	until   time.Time
	allowed time.Duration

	// Trusted is a file system that is looked at anyway, whatever it is: the daemon's.
	Trusted uint64

	Self selfFacts
	step atomic.Pointer[string]
	silence
	descriptors
	longStatuses atomic.Int32

	// What is read once for a question.
	mountsOnce, servedOnce, rootOnce sync.Once
	root                             uint64 // the mount of our root directory
	mounts                           []mount
	slow                             map[string]string
	mountsErr, slowErr               error
}

// selfFacts is what processes are compared with: ourselves.
type selfFacts struct {
	mountNS, userNS fact.Fact[string]
	Root            fact.Fact[fact.FileID]
}

// Sbin are the directories daemons live in: a daemon's bare name is looked up there first,
// since a client in PATH may have it, too.
const Sbin = "/usr/local/sbin:/usr/sbin:/sbin"

// SearchPath is PATH, and what an administrator's may lack.
func SearchPath() string { return os.Getenv("PATH") + ":" + Sbin + ":/usr/local/bin:/usr/bin:/bin" }

func ThisSystem() *System {
	return &System{
		Proc:      "/proc",
		Now:       time.Now,
		Boot:      bootTime,
		PidfdOpen: func(pid int) (int, error) { return unix.PidfdOpen(pid, 0) },
		Taken:     func(pid int) bool { return unix.Kill(pid, 0) == unix.EPERM },
	}
}

// Within gives ask's answer, unless ctx ends first. What ask waits for then
// cannot be interrupted: it is left behind.
func Within[T any](ctx context.Context, h *System, ask func() (T, error)) (answer T, err error, inTime bool) {
	if until, is := ctx.Deadline(); is {
		h.until, h.allowed = until, time.Until(until)
	}
	type result struct {
		answer T
		err    error
	}
	done := make(chan result, 1)
	go func() {
		answer, err := ask()
		done <- result{answer, err}
	}()
	select {
	case r := <-done:
		return r.answer, r.err, true
	case <-ctx.Done():
		return answer, nil, false
	}
}

// Doing notes what is being read, for the message when it never returns.
func (h *System) Doing(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	h.step.Store(&s)
}

// LastStep is what was being read last.
func (h *System) LastStep() string {
	if step := h.step.Load(); step != nil {
		return *step
	}
	return "starting"
}

// ErrNotOurProc: /proc shows another PID namespace than ours, or nothing.
var ErrNotOurProc = errors.New("/proc is not ours")

// Open checks that /proc is mounted and shows our own PID namespace: in a
// container with the host's /proc every number means another process (dkms
// issue 403).
func (h *System) Open() error {
	h.Doing("reading %s/self", h.Proc)
	self, err := os.Readlink(filepath.Join(h.Proc, "self"))
	if err != nil {
		return fmt.Errorf("%w: %s/self: %s (is /proc mounted?)", ErrNotOurProc, h.Proc, fact.Plain(err))
	}
	if self != strconv.Itoa(os.Getpid()) {
		return fmt.Errorf("%w: it calls us %s, we are %d: it shows another PID namespace", ErrNotOurProc, strconv.Quote(self), os.Getpid())
	}
	namespaces, err := h.ourNamespaces()
	if err != nil {
		return fmt.Errorf("%w: %s", ErrNotOurProc, fact.Plain(err))
	}
	// The number alone could agree by chance; NSpid lists one number for every
	// namespace from that of /proc down to ours.
	if namespaces > 1 {
		return fmt.Errorf("%w: it shows the PID namespace of an outer system", ErrNotOurProc)
	}
	if err := h.readSelf(); err != nil {
		return fmt.Errorf("%w: our own namespaces cannot be read: %s", ErrNotOurProc, fact.Plain(err))
	}
	return nil
}

// readSelf: a namespace that this kernel does not know is absent, and nobody has another.
func (h *System) readSelf() error {
	h.Self.mountNS, h.Self.userNS = h.ownNamespace("mnt"), h.ownNamespace("user")
	h.Self.Root = Identify("/")
	return cmp.Or(h.Unforeseen(h.Self.mountNS.Err), h.Unforeseen(h.Self.userNS.Err), h.Unforeseen(h.Self.Root.Err))
}

// ownNamespace is not that of a process that has ended, whatever the kernel says.
func (h *System) ownNamespace(kind string) fact.Fact[string] {
	ns := ReadLink(filepath.Join(h.Proc, "self/ns", kind))
	if ns.Err != nil {
		return fact.Failed[string](fact.OfPath(ns.Err))
	}
	return ns
}

func ReadLink(path string) fact.Fact[string] {
	target, err := os.Readlink(path)
	if err != nil {
		return fact.Failed[string](err)
	}
	return fact.Of(target)
}

// HidesProcesses reports that /proc is mounted with hidepid= (proc(5)) and that
// we have no CAP_SYS_PTRACE to see through it.
func (h *System) HidesProcesses() (hides bool, err error) {
	if canPtrace() {
		return false, nil
	}
	option := hidepid{dir: h.Proc}
	err = readTable("/proc/self/mountinfo", option.add)
	return option.applies(), err
}

// Unforeseen is unforeseen, and "permission denied" for one who may read all of /proc.
func (h *System) Unforeseen(err error) error {
	if errors.Is(err, fs.ErrPermission) && os.Geteuid() == 0 && canPtrace() {
		return err
	}
	return fact.Unforeseen(err)
}

func canPtrace() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	err := unix.Capget(&header, &data[0])
	return err == nil && data[0].Effective&(1<<unix.CAP_SYS_PTRACE) != 0
}

// bootTime is CLOCK_REALTIME minus CLOCK_BOOTTIME, in nanoseconds: btime in
// /proc/stat has whole seconds only (0.75 s off on the machine this was
// designed on).
//
// Whoever loses the processor between the two clocks reads them again: all that was
// started would look late by that.
func bootTime() (boot time.Time, err error) {
	const tries, enough = 20, time.Millisecond
	best := time.Duration(math.MaxInt64)
	for range tries {
		var before, real, after unix.Timespec
		if err = errors.Join(unix.ClockGettime(unix.CLOCK_BOOTTIME, &before), unix.ClockGettime(unix.CLOCK_REALTIME, &real),
			unix.ClockGettime(unix.CLOCK_BOOTTIME, &after)); err != nil {
			return time.Time{}, err
		}
		if took := time.Duration(after.Nano() - before.Nano()); took < best {
			best, boot = took, time.Unix(real.Unix()).Add(-time.Duration(before.Nano()))
		}
		if best < enough {
			break
		}
	}
	return boot, nil
}
