package matcher

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// host is where facts come from: this machine, or a fixture's tree in its
// place. It holds no answers, only the way to them.
type host struct {
	proc string   // where /proc is
	run  []string // directories that hold pidfiles of other instances
	path string   // PATH, for bare names

	registered Registered   // nil: none
	walked     *pidfileWalk // other instances' pidfiles, where they were read already

	now  func() time.Time
	boot func() (time.Time, error)
	// pidfdOpen is pidfd_open(2); a fixture's processes have none.
	pidfdOpen func(pid int) (int, error)
	// taken asks, where no pidfd can, whether a number belongs to a process of
	// another user. It keeps "hidden" from being read as "gone", no more.
	taken func(pid int) bool

	self selfFacts
	step atomic.Pointer[string]
}

// selfFacts is what processes are compared with: ourselves.
type selfFacts struct {
	mountNS string
	root    FileID
}

// sbin are the directories daemons live in that an administrator's PATH may
// lack; they follow PATH when a bare name is looked up.
const sbin = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"

func searchPath() string { return os.Getenv("PATH") + ":" + sbin }

func thisHost() *host {
	return &host{
		proc:      "/proc",
		run:       []string{"/run", "/var/run"},
		path:      searchPath(),
		now:       time.Now,
		boot:      bootTime,
		pidfdOpen: func(pid int) (int, error) { return unix.PidfdOpen(pid, 0) },
		taken:     func(pid int) bool { return unix.Kill(pid, 0) == unix.EPERM },
	}
}

// doing notes what is being read, for the message when it never returns.
func (h *host) doing(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	h.step.Store(&s)
}

// ErrNotOurProc: /proc shows another PID namespace than ours, or nothing.
var ErrNotOurProc = errors.New("/proc is not ours")

// open checks that /proc is mounted and shows our own PID namespace: in a
// container with the host's /proc every number means another process (dkms
// issue 403).
func (h *host) open() error {
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
	h.readSelf()
	return nil
}

func (h *host) readSelf() {
	// Errors here leave the fact empty, which never equals a process's own.
	h.self.mountNS, _ = os.Readlink(filepath.Join(h.proc, "self/ns/mnt"))
	h.self.root = fileID("/")
}

// hidesProcesses reports that /proc is mounted with hidepid= (proc(5)) and that
// we have no CAP_SYS_PTRACE to see through it.
func (h *host) hidesProcesses() bool {
	if canPtrace() {
		return false
	}
	hides := false
	err := readProcFile("/proc/self/mountinfo", func(content []byte) error {
		hides = hidepid(content, h.proc)
		return nil
	})
	return err == nil && hides
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

// statx asks for nothing but identity, and for no round trip to a file server
// that may hang (AT_STATX_DONT_SYNC, statx(2)).
func statx(path string) (unix.Statx_t, error) {
	const flags = unix.AT_STATX_DONT_SYNC | unix.AT_NO_AUTOMOUNT
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, flags, unix.STATX_TYPE|unix.STATX_MODE|unix.STATX_INO|unix.STATX_NLINK, &st)
	if err == unix.ENOSYS || err == unix.EPERM { // before Linux 4.11; an old seccomp filter
		return stat(path)
	}
	return st, err
}

func stat(path string) (unix.Statx_t, error) {
	var old unix.Stat_t
	if err := unix.Stat(path, &old); err != nil {
		return unix.Statx_t{}, err
	}
	return unix.Statx_t{
		Mode: uint16(old.Mode), Ino: old.Ino, Nlink: uint32(old.Nlink),
		Dev_major: unix.Major(uint64(old.Dev)), Dev_minor: unix.Minor(uint64(old.Dev)),
	}, nil
}

func idOf(st unix.Statx_t) FileID {
	return FileID{Dev: unix.Mkdev(st.Dev_major, st.Dev_minor), Ino: st.Ino}
}

// fileID is the zero FileID for what cannot be stat'ed.
func fileID(path string) FileID {
	st, err := statx(path)
	if err != nil {
		return FileID{}
	}
	return idOf(st)
}
