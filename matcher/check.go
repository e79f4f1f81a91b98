package matcher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
)

// Instance is a daemon and its pidfile, and how far to look.
type Instance struct {
	Daemon  string // a path, or a name looked up in PATH and the sbin directories
	Pidfile string // "": ask about the daemon without a pidfile
	// Default: nobody named the pidfile. Where it does not exist, the one trusted pidfile
	// that names the daemon is meant; Report.Pidfile says which.
	Default bool
	// Label: Daemon may be one, which leads to no executable. Then the number in the pidfile
	// is all there is; else that is ErrDaemon.
	Label bool
	// Unclaimed processes stand in the way of "safe to start": every one of them, with
	// ListeningOnly those that hold a listening socket, with PidfileOnly none, so that
	// nobody looks for them.
	ListeningOnly, PidfileOnly bool
	// Others asks for the other processes also where the pidfile settles the
	// verdict, Sockets for what all of them listen on.
	Others, Sockets bool
	// Outside asks for Report.Outside. As are users that the daemon is to run as, beside root
	// and who could have written the pidfile. With is what it is to be started with, by
	// which one interpreter's programs are told apart.
	Outside bool
	As      []int
	With    []string
	// Hold keeps the processes of the report pinned, until Report.Release: they
	// can be signalled and awaited, and are who they were found to be.
	Hold bool
	// Registered gives further pidfiles that may claim a process, as absolute paths; they
	// may lie anywhere. missed counts those that could not be found out. It is called only
	// where other instances' pidfiles matter.
	Registered func() (pidfiles []string, missed int)

	criteria rules.Criteria // of Match
}

// Check answers whether the pidfile names this daemon and, where it does not,
// whether the daemon runs in spite of it. It reads the pidfile (see
// ParsePID), one process of /proc (proc(5)) and, unless that settled it, all
// of them. It signals nothing.
//
// An error means that the question makes no sense (ErrDaemon); whatever could
// not be found out is the verdict Unknown, with the reason. ctx bounds the
// whole of it: a file server that does not answer yields Unknown as well.
func Check(ctx context.Context, in Instance) (Report, error) {
	h := thisHost()
	h.registered = in.Registered
	return h.answer(ctx, in)
}

// answer is check under the deadline of ctx.
func (h *host) answer(ctx context.Context, in Instance) (Report, error) {
	report, err, inTime := kernel.Within(ctx, h.System, func() (Report, error) { return h.check(ctx, in) })
	if !inTime {
		return in.NoAnswer(h.LastStep()), nil
	}
	return report, err
}

// NoAnswer is the report of a question that was given up while doing something.
func (in Instance) NoAnswer(doing string) Report {
	r := unread(in)
	r.Rule, r.Reason = rules.RuleDeadline, "no answer in time while "+doing
	return r
}

// unread is the report of a question nobody has looked into yet.
func unread(in Instance) Report {
	return Report{
		Daemon:  rules.Daemon{Name: in.Daemon, Path: in.Daemon, Real: in.Daemon},
		Pidfile: Pidfile{rules.Pidfile{Path: in.Pidfile}},
	}
}

func (h *host) check(ctx context.Context, in Instance) (Report, error) {
	r := unread(in)
	if err := h.Open(); err != nil {
		h.withoutProc(ctx, &r, in, err)
		return r, nil
	}
	if in.Daemon != "" || in.criteria == (rules.Criteria{}) {
		find := h.findDaemon
		if in.Label {
			find = h.daemonOrLabel
		}
		d, err := find(in.Daemon)
		if err != nil {
			return r, err
		}
		r.Daemon, h.Trusted = d, d.DirDev
	}
	for range rereads {
		asked := r
		h.walkOnce, h.parents, h.clocks = sync.Once{}, sync.Map{}, sync.Map{} // other instances' pidfiles may have been written since, too
		err := h.ask(ctx, &asked, in)
		if err != nil || asked.Verdict == Running || asked.Verdict == Unknown || !h.rewritten(asked.Pidfile.Pidfile, in) {
			if !in.Hold {
				asked.Release()
			}
			return asked, err
		}
		asked.Release()
	}
	r.Rule, r.Reason = rules.RuleUnusable, fmt.Sprintf("pidfile %s is rewritten all the time", in.Pidfile)
	return r, nil
}

// rereads is how often a question is asked whose pidfile was written while all
// processes were looked at: a daemon that starts meanwhile is no other instance.
const rereads = 3

func (h *host) ask(ctx context.Context, r *Report, in Instance) error {
	if r.Pidfile.State = rules.PidfileAbsent; in.Pidfile != "" {
		r.Pidfile.Pidfile = h.readPidfile(ctx, in.Pidfile)
	}
	settled := in.Default && r.Pidfile.State == rules.PidfileAbsent && h.findPidfile(ctx, r)
	if !settled {
		var err error
		settled, err = h.askPidfile(r, in)
		r.PidfileVerdict = r.Verdict
		if err != nil {
			return err
		}
	}
	if !(settled || in.PidfileOnly) || in.Others || in.Outside && !settled {
		if err := h.askOthers(r, in, settled); err != nil {
			return err
		}
	}
	if in.Hold || in.Others {
		h.findStarted(r, in)
	}
	return nil
}

// rewritten reports that the pidfile is no longer what was read.
func (h *host) rewritten(p rules.Pidfile, in Instance) bool {
	if p.Path == "" {
		return false
	}
	now := h.reread(p, in)
	return !p.SameContent(now) || !now.Written.Equal(p.Written)
}

// reread is the pidfile by now. One that nobody named may lie in a user's directory, who has
// mounted a file system there since.
func (h *host) reread(p rules.Pidfile, in Instance) rules.Pidfile {
	if p.Path != in.Pidfile {
		return h.readEntering(p.Path)
	}
	return h.readPidfileOnce(p.Path)
}

// askPidfile fills in what the pidfile and the process it names say. settled is
// true when nothing else can change the verdict.
func (h *host) askPidfile(r *Report, in Instance) (settled bool, err error) {
	p := r.Pidfile
	switch p.State {
	case rules.PidfileUnusable:
		r.Verdict, r.Rule = Unknown, rules.RuleUnusable
		r.Reason = fmt.Sprintf("pidfile %s cannot be used: %s", p.Path, p.Why)
		return true, nil
	case rules.PidfileAbsent:
		r.Verdict, r.Rule = NotRunning, rules.RuleNoPidfile
		r.Reason = "no pidfile " + p.Path
		if p.Path == "" {
			r.Reason = "no pidfile was asked about"
		}
		if p.Why != "" {
			r.Reason += " (" + p.Why + ")"
		}
		return false, nil
	case rules.PidfileGarbage:
		r.Verdict, r.Rule = Dead, rules.RuleNamesNobody
		r.Reason = fmt.Sprintf("pidfile %s names no process: %s", p.Path, p.Why)
		return false, nil
	}
	return h.askProcesses(r, in, rules.Question{Daemon: r.Daemon, Criteria: in.criteria, Pidfile: p.Pidfile}), nil
}

// askProcesses fills in what the processes are that the pidfile names.
func (h *host) askProcesses(r *Report, in Instance, q rules.Question) (settled bool) {
	failed := func(err error) bool {
		r.Verdict, r.Rule, r.Reason = Unknown, rules.RuleUnreadable, err.Error()
		return true
	}
	main, err := h.hold(q, q.Pidfile.PID)
	if err != nil {
		main.Release()
		return failed(err)
	}
	r.Main = &main
	decision := main.Decision
	r.Rule, r.Reason = decision.Rule, decision.Why
	r.Notes = append(r.Notes, decision.Notes...)
	switch decision.Outcome {
	case rules.Runs:
		r.Verdict, r.Main.Role = Running, RoleMain
		if decision.Rule == rules.RuleWrapper {
			if err := h.unwrap(r, in); err != nil {
				r.Main.Role = ""
				return failed(err)
			}
		}
	case rules.NotThis:
		r.Verdict = Dead
		r.Reason = fmt.Sprintf("pidfile %s is stale: %s", q.Pidfile.Path, decision.Why)
	default:
		r.Verdict = Unknown
		return true
	}
	if err := h.askFurther(r, in, q); err != nil {
		return failed(err)
	}
	return r.Verdict != Dead
}

// askOthers scans, sorts what it finds into roles and, unless the pidfile
// settled it, lets the unclaimed ones speak.
func (h *host) askOthers(r *Report, in Instance, settled bool) error {
	s, err := h.scan(r.Daemon, in.criteria, in.Hold)
	r.Blind = s.blind
	if err != nil {
		r.Blind = err.Error()
	}
	if !in.Hold {
		s.release()
	}
	if err != nil {
		s.release()
		if settled {
			r.Notes = append(r.Notes, "The other processes could not be read: "+err.Error())
			return nil
		}
		r.Verdict, r.Reason = Unknown, err.Error()
		return nil
	}
	stale := 0
	if r.Main != nil && r.Main.Role != RoleMain && r.Main.Evidence.Life.Over() {
		stale = r.Pidfile.PID
	}
	mains := map[int]bool{}
	for _, main := range r.Mains() {
		mains[main.Evidence.PID] = true
	}
	walk := h.walk()
	if missed := walk.allMissed(); missed > 0 && os.Geteuid() != 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d pidfiles or directories under /run could not be read; ask as root to have every instance recognized.", missed))
	}
	claims := h.claimsOn(s, r.Pidfile.Pidfile, func(p rules.Pidfile) bool {
		// In the middle of a binary upgrade, or after one that failed, the old
		// main process still is this instance's: it is not safe to start.
		return len(mains) > 0 || !upgrades(r.Pidfile.Pidfile, p)
	})
	h.wrappersIn(s, r.Daemon, r.Pidfile.Pidfile, claims)
	assignRoles(s, rules.Standing{Mains: mains, Stale: stale, Claims: claims})
	if err := cmp.Or(walk.failure, s.failure); err != nil {
		s.doubtUnclaimed(err)
	}
	r.Scanned = true
	for _, main := range r.Mains() {
		for _, f := range walk.naming(main.Evidence.PID, r.Pidfile.Pidfile) {
			r.Notes = append(r.Notes, fmt.Sprintf("%s names process %d too.", f.Path, main.Evidence.PID))
		}
	}
	h.takeOthers(r, in, s)
	if in.Outside && !settled {
		h.findOutside(r, in)
	}
	if !settled && !in.PidfileOnly {
		r.weighOthers(in.ListeningOnly, s.blind)
	}
	return nil
}

// takeOthers puts those that were found, but the main processes, into the report, with what
// they listen on where the question needs it.
func (h *host) takeOthers(r *Report, in Instance, s survey) {
	for _, p := range s.found {
		if p.Role == RoleMain {
			p.Release()
			continue
		}
		if in.Sockets && p.Evidence.UID == 0 && p.Role != RoleOther && p.Role != RoleForeign {
			p.Evidence.File = h.RunningFile(p.Evidence)
			if st, err := kernel.StatxAt(unix.AT_FDCWD, r.Daemon.Real, 0, unix.STATX_MODE|unix.STATX_UID); err == nil && st.Mode&unix.S_ISUID != 0 {
				// Of the file that it replaces dpkg takes that away (secure_unlink of lib/dpkg/path-remove.c).
				p.Evidence.File.Value.Setuid, p.Evidence.File.Value.Owner = true, int(st.Uid)
			}
		}
		r.Others = append(r.Others, p)
	}
	h.listening(r, in)
	if in.Sockets && slices.ContainsFunc(r.Others, func(p *Process) bool { return errors.Is(p.Sockets.Err, fs.ErrPermission) }) {
		r.Notes = append(r.Notes, "What other users' processes listen on cannot be read; ask as root.")
	}
}

// listening reads what is listened on by those of whom the question needs it.
func (h *host) listening(r *Report, in Instance) {
	var ask []*Process
	if in.Sockets {
		ask = r.Mains()
	}
	for _, p := range r.Others {
		if in.Sockets || in.ListeningOnly && slices.Contains(rules.Weighed, p.Role) {
			ask = append(ask, p)
		}
	}
	pids := make([]int, len(ask))
	for i, p := range ask {
		pids[i] = p.Evidence.PID
	}
	listening := h.ListeningOf(pids)
	for _, p := range ask {
		if p.Sockets = listening[p.Evidence.PID]; p.Sockets.State != fact.Absent {
			continue
		}
		if stat, err := h.ReadStat(p.Evidence.PID); fact.Vanished(err) || err == nil && kernel.HasEnded(stat) {
			p.Sockets = fact.Of([]fact.Socket(nil)) // what has ended listens on nothing
		}
	}
}
