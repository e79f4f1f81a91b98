package matcher

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
)

// Adoptable gives the one unclaimed main process that the pidfile should name, or why
// there is none: the pidfile is right, nothing unclaimed runs, several do, or what
// runs is no main process. Whether the pidfile may name it is another question, see
// Pidfile.Adopts. It is pure; the report must have been asked for with
// Others and Sockets.
func (r *Report) Adoptable() (main *Process, why string) {
	switch {
	case r.Daemon.Label():
		return nil, r.Daemon.Uncompared()
	case r.PidfileVerdict == Running:
		return nil, "the pidfile names it already"
	case r.PidfileVerdict == Unknown:
		return nil, r.Reason
	case !r.Scanned || r.Blind != "":
		return nil, "not all processes could be seen: " + r.Blind
	}
	if unclear := r.WithRole(RoleUnclear); len(unclear) > 0 {
		if main = r.titled(); main == nil {
			return nil, fmt.Sprintf("%d may run it: %s", unclear[0].Evidence.PID, unclear[0].Decision.Why)
		}
		return main, ""
	}
	mains := r.roots(RoleUnclaimed, RoleLeftover)
	users := slices.DeleteFunc(slices.Clone(mains), func(p *Process) bool { return r.Pidfile.Adopts(p.Evidence) == nil })
	if len(users) < len(mains) {
		mains = slices.DeleteFunc(mains, func(p *Process) bool { return slices.Contains(users, p) })
	}
	switch {
	case len(mains) == 0:
		return nil, "no process of it runs unclaimed" + r.claimed()
	case len(mains) > 1:
		var pids []string
		for _, p := range mains {
			pids = append(pids, fmt.Sprint(p.Evidence.PID))
		}
		return nil, fmt.Sprintf("%d unclaimed processes may be the main one: %s", len(mains), strings.Join(rules.Abridge(pids), " "))
	case r.listensBelow(mains[0]) != 0:
		return nil, fmt.Sprintf("%d does not listen, but %d below it does: either may be meant", mains[0].Evidence.PID, r.listensBelow(mains[0]))
	case mains[0].Role == RoleLeftover && !r.forkedTwice(mains[0]):
		return nil, fmt.Sprintf("%d is no main process, but left over from %d, which has ended", mains[0].Evidence.PID, r.Pidfile.PID)
	}
	return mains[0], ""
}

// roots are the processes with one of these roles whose parent has none of them.
func (r *Report) roots(roles ...Role) (roots []*Process) {
	with := map[int]bool{}
	for _, p := range r.WithRole(roles...) {
		with[p.Evidence.PID] = true
	}
	for _, p := range r.WithRole(roles...) {
		if !with[p.Evidence.PPID] {
			roots = append(roots, p)
		}
	}
	return roots
}

// titled is the only candidate, where that is a script which has written over its arguments:
// what it calls itself and its interpreter are all that there is (postgrey).
func (r *Report) titled() *Process {
	only := r.roots(RoleUnclaimed, RoleLeftover, RoleUnclear)
	if len(only) != 1 || only[0].Role != RoleUnclear || !only[0].ByTitle() {
		return nil
	}
	return only[0]
}

// ByTitle reports that nothing but what it calls itself, and its interpreter, say that a
// process runs the daemon.
func (p *Process) ByTitle() bool {
	return p.Decision.Rule == rules.RuleScript && p.Decision.Outcome == rules.Runs && p.Decision.Weak
}

// forkedTwice reports of what is left over that it may be the daemon itself: it started in the
// moment when its pidfile was written, as after a double fork whose middle process has
// written its own number. A worker may have, too.
func (r *Report) forkedTwice(left *Process) bool {
	return left.Evidence.Started.Sub(r.Pidfile.Written).Abs() <= rules.StartSlack
}

// claimed names a main process of this daemon that another pidfile claims.
func (r *Report) claimed() string {
	for _, p := range r.WithRole(RoleOther) {
		if p.Main {
			return fmt.Sprintf("; %d is named by %s", p.Evidence.PID, p.Instance)
		}
	}
	return ""
}

// listensBelow gives an unclaimed process that listens on what the one above it does
// not: jsvc's pidfile names the child that it watches.
func (r *Report) listensBelow(main *Process) int {
	if main.Sockets.State != fact.Known || len(main.Sockets.Value) > 0 {
		return 0
	}
	for _, p := range r.Blocking() {
		if len(p.Sockets.Value) > 0 {
			return p.Evidence.PID
		}
	}
	return 0
}

// errUnsafeDirectory is wrapped where a pidfile is not written because somebody else
// could have put something in its place.
var errUnsafeDirectory = errors.New("is not safe to write a pidfile in")

// HoldDirectory opens the directory of this pidfile, for writing one there. On the way
// to it, and in it, nobody but root and the caller may be able to change what a name
// stands for: no link or directory is another user's, or writable by others.
func (p Pidfile) HoldDirectory() (*os.Root, error) {
	at := strings.LastIndex(p.Path, "/") + 1
	path := p.Path[:at]
	fd, linkOwners, err := kernel.OpenFollowing(path + ".")
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	defer unix.Close(fd)
	for _, uid := range linkOwners {
		if uid != os.Geteuid() {
			return nil, fmt.Errorf("%s %w: on the way there is a symbolic link of uid %d", path, errUnsafeDirectory, uid)
		}
	}
	if err := safeUpwards(fd, path); err != nil {
		return nil, err
	}
	dir, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if opened, err := dir.Stat("."); err == nil && unix.Fstat(fd, &st) == nil {
		if now, is := opened.Sys().(*syscall.Stat_t); is && now.Dev == st.Dev && now.Ino == st.Ino {
			return dir, nil
		}
	}
	dir.Close()
	return nil, fmt.Errorf("%s %w: it is another directory now", path, errUnsafeDirectory)
}

// safeUpwards looks at a directory and all above it. Above it, one that everyone may
// write will do if it is sticky: there nobody renames what is another's (unlink(2)).
func safeUpwards(fd int, path string) error {
	dir, err := unix.Openat(fd, ".", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening %s: %w", path, err)
	}
	defer func() { unix.Close(dir) }()
	var below fact.FileID
	for level := 0; ; level++ {
		var st unix.Stat_t
		if err := unix.Fstat(dir, &st); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		id := fact.FileID{Dev: uint64(st.Dev), Ino: st.Ino}
		if id == below { // the parent of / is /
			return nil
		}
		below = id
		where := path + strings.Repeat("../", level)
		sticky := level > 0 && st.Mode&unix.S_ISVTX != 0
		switch {
		case st.Uid != 0 && int(st.Uid) != os.Geteuid():
			return fmt.Errorf("%s %w: it is uid %d's", where, errUnsafeDirectory, st.Uid)
		case st.Mode&0o002 != 0 && !sticky:
			return fmt.Errorf("%s %w: everyone can write there (mode %04o)", where, errUnsafeDirectory, st.Mode&0o7777)
		case st.Mode&0o020 != 0 && !sticky: // also the mask of an access control list, acl(5)
			return fmt.Errorf("%s %w: gid %d can write there (mode %04o)", where, errUnsafeDirectory, st.Gid, st.Mode&0o7777)
		}
		parent, err := unix.Openat(dir, "..", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("opening %s../: %w", where, err)
		}
		unix.Close(dir)
		dir = parent
	}
}

// Unchanged reports that the pidfile is what was read: absent still, or the same file
// with the same content. dir is its directory.
func (p Pidfile) Unchanged(dir *os.Root) error {
	held, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer held.Close()
	name := p.Path[strings.LastIndex(p.Path, "/")+1:]
	fd, err := unix.Openat(int(held.Fd()), name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	switch {
	case fact.Vanished(err) && p.State == rules.PidfileAbsent && p.Why == "":
		return nil
	case err != nil && !fact.Vanished(err):
		return fmt.Errorf("pidfile %s: %w", p.Path, err)
	case err != nil:
		return fmt.Errorf("pidfile %s was removed since it was read", p.Path)
	}
	defer unix.Close(fd)
	if target, err := kernel.ReadOpenedLink(fd); err == nil {
		return fmt.Errorf("pidfile %s is a symbolic link to %s", p.Path, target)
	}
	now := thisHost().readOpenedPidfile(rules.Pidfile{Path: p.Path}, fd)
	if now.State != p.State || now.ID != p.ID || now.PID != p.PID {
		return fmt.Errorf("pidfile %s was written since it was read", p.Path)
	}
	return nil
}
