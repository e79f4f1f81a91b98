package matcher

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// userHZ is the unit of starttime in /proc/PID/stat, in ticks a second: 100 on
// every architecture Go runs on (include/uapi/asm-generic/param.h).
const userHZ = 100

// kernelThread is PF_KTHREAD of include/linux/sched.h, in field 9 of stat.
const kernelThread = 0x00200000

// collect reads what the rules need first about the process p holds, and says
// whether it still was the same process afterwards. What costs more is read by
// supply, when a rule asks.
func (h *host) collect(p process) (Evidence, error) {
	var e Evidence
	for range execTries {
		var err error
		if e, err = h.collectOnce(p); err != nil || !e.betweenPrograms() {
			return e, err
		}
		time.Sleep(execTick)
	}
	e.Exe = failed[Exe](errBetweenPrograms)
	return e, nil
}

// A thread other than the first that replaces the program takes the first one's
// place, which has ended then: what is read in between is of neither (execve(2),
// de_thread in fs/exec.c; Go's syscall.Exec runs on any thread). It takes as long as
// the other threads need to end.
const (
	execTries = 20
	execTick  = time.Millisecond
)

var errBetweenPrograms = errors.New("it is replacing its program")

// betweenPrograms reports of a process that lives, and of no kernel thread, that it
// has no executable, or had no namespaces just before.
func (e Evidence) betweenPrograms() bool {
	return e.Life == Alive && !e.Kernel && (e.Exe.State == Absent || e.torn)
}

// startOf is when a process started, by the clock of now.
func (h *host) startOf(stat procStat) (time.Time, error) {
	boot, err := h.boot()
	if err != nil {
		return time.Time{}, fmt.Errorf("reading the clocks: %w", err)
	}
	const tick = time.Second / userHZ
	return boot.Add(time.Duration(stat.Start) * tick).Truncate(tick), nil
}

func (h *host) collectOnce(p process) (Evidence, error) {
	e := Evidence{PID: p.pid, Pin: p.pinnedBy(), AsRoot: os.Geteuid() == 0, Ourselves: p.pid == os.Getpid()}
	h.doing("reading %s/%d", h.proc, p.pid)
	stat, err := h.readStat(p.pid)
	if err != nil {
		return h.unseen(e, p, err)
	}
	e.fillStat(stat)
	if e.Started, err = h.startOf(stat); err != nil {
		return e, err
	}

	status, err := h.readStatus(p.pid)
	if err != nil {
		return h.unseen(e, p, err)
	}
	e.fillStatus(status)
	if status.TGID != 0 && status.TGID != p.pid {
		e.Life = Thread
		return e, nil
	}

	if hasEnded(stat) {
		e.Life = Zombie
		return e, nil
	}
	dir := filepath.Join(h.proc, strconv.Itoa(p.pid))
	if stat.State == "Z" && stat.Threads > 1 {
		// The first thread has ended, the others go on (pthread_exit in main):
		// its own exe link is gone, theirs are there.
		dir = liveThread(dir, p.pid)
	}
	look := func() {
		h.placeTree(&e, dir)
		e.Exe = h.readExe(dir)
	}
	if look(); e.Exe.State == Unreadable {
		asItsUser(status, look)
	}

	if p.ended() {
		e.Life = Gone
		return e, nil
	}
	if p.fd < 0 {
		again, err := h.readStat(p.pid)
		if err != nil || again.Start != stat.Start {
			e.Life = Gone
			return e, nil
		}
	}
	return e, nil
}

// unseen tells a process that has ended from one that /proc hides: with a pidfd
// on it that says it lives, its absence is the mount's doing (hidepid=2).
func (h *host) unseen(e Evidence, p process, err error) (Evidence, error) {
	switch {
	case vanished(err) && p.fd >= 0 && !p.ended():
		e.Life = Hidden
		e.Exe = failed[Exe](unix.EACCES)
		return e, nil
	case vanished(err) && p.fd < 0 && h.taken(p.pid):
		e.Life = Hidden
		e.Exe = failed[Exe](unix.EACCES)
		return e, nil
	case vanished(err):
		e.Life = Gone
		return e, nil
	case os.IsPermission(err): // hidepid=1
		e.Life = Hidden
		e.Exe = failed[Exe](err)
		return e, nil
	}
	return e, fmt.Errorf("reading %s/%d: %w", h.proc, p.pid, err)
}

// hasEnded reports that only the exit status of a process is left. A first
// thread may end before the others (pthread_exit in main).
func hasEnded(s procStat) bool {
	return s.State == "X" || s.State == "Z" && s.Threads <= 1
}

func (e *Evidence) fillStat(s procStat) {
	e.Comm, e.State = s.Comm, s.State
	e.PPID, e.Group, e.Session = s.PPID, s.Group, s.Session
	e.StartTicks = s.Start
	e.Kernel = s.Flags&kernelThread != 0
}

func (e *Evidence) fillStatus(s procStatus) {
	e.UID, e.EUID = s.UIDs[0], s.UIDs[1]
	// NSpid lists a number for each PID namespace from that of /proc, which is
	// ours, down to the process's own. Absent before Linux 4.1.
	switch {
	case s.Namespaces == 1:
		e.PIDNS = SamePlace
	case s.Namespaces > 1:
		e.PIDNS = OtherPlace
	}
}

// placeTree compares the mount tree the process sees with ours.
func (h *host) placeTree(e *Evidence, dir string) {
	ns, err := os.Readlink(filepath.Join(dir, "ns/mnt"))
	e.torn = vanished(err)
	switch {
	case err != nil || h.self.mountNS == "":
	case ns == h.self.mountNS:
		e.Tree = SamePlace
	default:
		e.Tree = OtherPlace
	}
	link := filepath.Join(dir, "root")
	switch root := fileID(link); {
	case !root.Known() || !h.self.root.Known():
	case root == h.self.root:
		e.Root = SamePlace
	default:
		e.Root = OtherPlace
		e.Outside = outside(link, root)
	}
}

// outside reports that a process's root directory cannot be reached from ours:
// its path, as the kernel shows it to us, leads to something else.
func outside(link string, root FileID) bool {
	path, err := os.Readlink(link)
	if err != nil {
		return false
	}
	_, mayHang := MayHang(path)
	return !mayHang && fileID(path) != root
}

// readExe reads /proc/PID/exe once: both the name and the identity come from
// one open file, so that an exec in between cannot mix two programs
// (CVE-2024-48991 came from reading it twice).
func (h *host) readExe(dir string) Fact[Exe] {
	path := filepath.Join(dir, "exe")
	h.doing("reading %s", path)
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		link, linkErr := os.Readlink(path)
		if linkErr != nil {
			return failed[Exe](linkErr)
		}
		// The name is known, the file behind it is not.
		return known(Exe{Link: link})
	}
	defer unix.Close(fd)
	self := fmt.Sprintf("/proc/self/fd/%d", fd)
	link, err := os.Readlink(self)
	if err != nil {
		return failed[Exe](err)
	}
	x := Exe{Link: link, ID: fileID(self)}
	if strings.HasSuffix(link, deleted) {
		_, mayHang := MayHang(link)
		x.Literal = !mayHang && x.ID.Known() && fileID(link) == x.ID
	}
	return known(x)
}

// liveThread is the /proc directory of a thread that still has an exe link.
func liveThread(dir string, pid int) string {
	tasks, err := os.ReadDir(filepath.Join(dir, "task"))
	if err != nil {
		return dir
	}
	for _, t := range tasks {
		if t.Name() == strconv.Itoa(pid) {
			continue
		}
		thread := filepath.Join(dir, "task", t.Name())
		if _, err := os.Readlink(filepath.Join(thread, "exe")); err == nil {
			return thread
		}
	}
	return dir
}

// readArgv reads /proc/PID/cmdline. It can block for as long as the process
// sits in a page fault, hence only on demand and under the caller's deadline.
func (h *host) readArgv(pid int) Fact[[]string] {
	h.doing("reading %s/%d/cmdline", h.proc, pid)
	var argv []string // none: a kernel thread, a zombie
	err := readProcFile(h.pidPath(pid, "cmdline"), func(content []byte) error {
		if text := strings.TrimRight(string(content), "\x00"); text != "" {
			argv = strings.Split(text, "\x00")
		}
		return nil
	})
	if err != nil {
		return failed[[]string](err)
	}
	return known(argv)
}

// scriptFiles identifies what may be the script of an interpreter, as the process
// would find it: from its own root or working directory. The result is never nil.
func (h *host) scriptFiles(d Daemon, e Evidence) []ScriptFile {
	files := []ScriptFile{}
	for _, word := range d.scriptWords(e) {
		file := h.scriptFile(e.PID, word)
		if file.State == Unreadable && e.Root == SamePlace && e.Tree == SamePlace && d.namesPath(word) {
			file = d.File // not to be seen through /proc/PID/root, but that is our root
		}
		files = append(files, ScriptFile{word, file})
	}
	return files
}

func (h *host) scriptFile(pid int, word string) Fact[FileID] {
	from := "cwd"
	if filepath.IsAbs(word) {
		from = "root"
	}
	from = filepath.Join(h.proc, strconv.Itoa(pid), from)
	if place, err := os.Readlink(from); err == nil {
		if where, mayHang := MayHang(place + "/" + word); mayHang {
			return failed[FileID](fmt.Errorf("it is on %s", where))
		}
	}
	h.doing("looking at %s/%s", from, word)
	st, err := statx(from + "/" + word)
	switch {
	case err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG:
		return failed[FileID](unix.ENOENT)
	case err != nil:
		return failed[FileID](err)
	}
	return known(idOf(st))
}
