package matcher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// system is where facts come from: this machine, or a fixture's tree in its
// place. It holds no answers, only the way to them.
type system struct {
	proc string // where /proc is

	now  func() time.Time
	boot func() (time.Time, error)
	// pidfdOpen is pidfd_open(2); a fixture's processes have none.
	pidfdOpen func(pid int) (int, error)
	// taken asks, where no pidfd can, whether a number belongs to a process of
	// another user. It keeps "hidden" from being read as "gone", no more.
	taken func(pid int) bool

	// still: a picture of a host, in which nothing changes, and executables need not exist.
	// The kernel always has the file that a process runs.
	still bool
	// until is when the answer has to be there; zero: nobody waits.
	until time.Time

	// trusted is a file system that is looked at anyway, whatever it is: the daemon's.
	trusted uint64

	self selfFacts
	step atomic.Pointer[string]
	silence

	// What is read once for a question.
	mountsOnce, servedOnce sync.Once
	mounts                 []mount
	slow                   map[string]string
	mountsErr, slowErr     error
}

// selfFacts is what processes are compared with: ourselves.
type selfFacts struct {
	mountNS, userNS Fact[string]
	root            Fact[FileID]
}

// sbin are the directories daemons live in that an administrator's PATH may
// lack; they follow PATH when a bare name is looked up.
const sbin = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"

func searchPath() string { return os.Getenv("PATH") + ":" + sbin }

func thisSystem() *system {
	return &system{
		proc:      "/proc",
		now:       time.Now,
		boot:      bootTime,
		pidfdOpen: func(pid int) (int, error) { return unix.PidfdOpen(pid, 0) },
		taken:     func(pid int) bool { return unix.Kill(pid, 0) == unix.EPERM },
	}
}

// within gives ask's answer, unless ctx ends first. What ask waits for then
// cannot be interrupted: it is left behind.
func within[T any](ctx context.Context, h *system, ask func() (T, error)) (answer T, err error, inTime bool) {
	h.until, _ = ctx.Deadline()
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

// doing notes what is being read, for the message when it never returns.
func (h *system) doing(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	h.step.Store(&s)
}

// lastStep is what was being read last.
func (h *system) lastStep() string {
	if step := h.step.Load(); step != nil {
		return *step
	}
	return "starting"
}

// ErrNotOurProc: /proc shows another PID namespace than ours, or nothing.
var ErrNotOurProc = errors.New("/proc is not ours")

// open checks that /proc is mounted and shows our own PID namespace: in a
// container with the host's /proc every number means another process (dkms
// issue 403).
func (h *system) open() error {
	h.doing("reading %s/self", h.proc)
	self, err := os.Readlink(filepath.Join(h.proc, "self"))
	if err != nil {
		return fmt.Errorf("%w: %s/self: %s (is /proc mounted?)", ErrNotOurProc, h.proc, plain(err))
	}
	if self != strconv.Itoa(os.Getpid()) {
		return fmt.Errorf("%w: it calls us %s, we are %d: it shows another PID namespace", ErrNotOurProc, strconv.Quote(self), os.Getpid())
	}
	status, err := h.readStatus(os.Getpid())
	if err != nil {
		return fmt.Errorf("%w: %s", ErrNotOurProc, plain(err))
	}
	// The number alone could agree by chance; NSpid lists one number for every
	// namespace from that of /proc down to ours.
	if status.Namespaces > 1 {
		return fmt.Errorf("%w: it shows the PID namespace of an outer system", ErrNotOurProc)
	}
	if err := h.readSelf(); err != nil {
		return fmt.Errorf("%w: our own namespaces cannot be read: %s", ErrNotOurProc, plain(err))
	}
	return nil
}

// readSelf: a namespace that this kernel does not know is absent, and nobody has another.
func (h *system) readSelf() error {
	self := filepath.Join(h.proc, "self/ns")
	h.self.mountNS, h.self.userNS = readLink(filepath.Join(self, "mnt")), readLink(filepath.Join(self, "user"))
	h.self.root = identify("/")
	return cmp.Or(unforeseen(h.self.mountNS.Err), unforeseen(h.self.userNS.Err), unforeseen(h.self.root.Err))
}

func readLink(path string) Fact[string] {
	target, err := os.Readlink(path)
	if err != nil {
		return failed[string](err)
	}
	return known(target)
}

// hidesProcesses reports that /proc is mounted with hidepid= (proc(5)) and that
// we have no CAP_SYS_PTRACE to see through it.
func (h *system) hidesProcesses() (hides bool, err error) {
	if canPtrace() {
		return false, nil
	}
	err = readProcFile("/proc/self/mountinfo", mountinfoLimit, func(content []byte) error {
		hides = hidepid(content, h.proc)
		return nil
	})
	return hides, err
}

// unforeseen is unforeseen, and "permission denied" for one who may read all of /proc.
func (h *system) unforeseen(err error) error {
	if errors.Is(err, fs.ErrPermission) && os.Geteuid() == 0 && canPtrace() {
		return err
	}
	return unforeseen(err)
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
func bootTime() (time.Time, error) {
	var real, boot unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot); err != nil {
		return time.Time{}, err
	}
	if err := unix.ClockGettime(unix.CLOCK_REALTIME, &real); err != nil {
		return time.Time{}, err
	}
	return time.Unix(real.Unix()).Add(-time.Duration(boot.Nano())), nil
}
