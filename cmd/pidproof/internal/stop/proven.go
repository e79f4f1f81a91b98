package stop

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"pidproof/cmd/pidproof/internal/ask"
	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/record"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/cmd/pidproof/internal/ssd"
	"pidproof/matcher"
)

// Patience is how long Debian's killproc waits after each of TERM and KILL
// (`start-stop-daemon --retry 5` in /lib/lsb/init-functions).
const Patience = 5 * time.Second

// Longest is how long killproc may take: the daemon, and its wrapper after it.
const Longest = 4*Patience + WrapperPatience

// Proven is an instance whose main processes were proven to be the daemon.
type Proven struct {
	*say.Console
	*ask.Asker
	Instance matcher.Instance
	Workers  bool // end those as well
	Verbose  bool // say who got which signal
}

// Stop is LSB's killproc without a signal: TERM, and KILL for who stays; then the
// pidfile is removed. It returns LSB's exit code.
func (d Proven) Stop(r *matcher.Report) (exit int, err error) {
	s := stopping{
		targets: r.Mains(),
		sent:    d.sent,
		record:  record.Entry{Command: "killproc", Caller: d.Caller, Pidfile: r.Pidfile.Path},
	}
	if d.Workers {
		if err := d.addWorkers(&s, r); err != nil {
			return 0, err
		}
	}
	ended := s.carryOut(ssd.Schedule{Steps: stepsFor(r.Mains()), Repeat: -1})
	if ended && s.refused == nil && s.unseen == nil && r.Wrapper != nil {
		again := d.Instance
		again.Others = true
		s = s.wrapperOf(r.Wrapper, func(known []*matcher.Process) ([]*matcher.Process, map[int]bool, error) {
			return d.Remaining(again, []*matcher.Process{r.Wrapper}, append(known, r.Mains()...))
		})
		ended = s.follow(ssd.Schedule{Steps: stepsFor([]*matcher.Process{r.Wrapper}), Repeat: -1})
	}
	switch {
	case s.refused != nil && len(s.reached) > 0: // 4 would say that nobody was signalled
		d.Warn("%v", s.refused)
		return exitcode.Refused, nil
	case s.refused != nil:
		return 0, s.refused
	case s.unseen != nil:
		d.Warn("%s: whether all of its processes have ended is not known: %v", d.Instance.Daemon, s.unseen)
		return exitcode.Refused, nil
	case !ended:
		d.Warn("%s: process %s has not ended, %s after KILL", d.Instance.Daemon, s.pids(), matcher.Span(Patience))
		return exitcode.Refused, nil
	}
	if err := r.Pidfile.Remove(); err != nil {
		return d.successor(err)
	}
	return 0, nil
}

// sent says who got the nth signal.
func (d Proven) sent(pids []string, signal syscall.Signal, nth int) {
	who := strings.Join(pids, " ")
	if signal == syscall.SIGKILL {
		d.Warn("%s: process %s has not ended %s after TERM, and was sent KILL", d.Instance.Daemon, who, matcher.Span(Patience))
	}
	switch name := record.SignalName(signal); {
	case !d.Verbose:
	case len(pids) > 1:
		d.Inform("%s: %s sent to processes %s", d.Instance.Daemon, name, who)
	default:
		d.Inform("%s: %s sent to process %s", d.Instance.Daemon, name, who)
	}
}

// addWorkers makes the workers targets, too, and who is one by the time of a signal.
func (d Proven) addWorkers(s *stopping, r *matcher.Report) error {
	mains := r.Mains()
	isMain := func(p *matcher.Process) bool { return slices.Contains(mains, p) }
	switch {
	case r.Daemon.Label():
		return fmt.Errorf("its workers cannot be told: %s; nothing was signalled", r.Daemon.Uncompared())
	case !r.Scanned || r.Blind != "":
		return fmt.Errorf("its workers cannot be told: %s; nothing was signalled", r.Blind)
	case mains[0].Evidence.PID == 1:
		return errors.New("its workers cannot be told: it is PID 1, which adopts other instances; nothing was signalled")
	}
	s.targets = append(s.targets, r.WithRole(matcher.RoleWorker)...)
	// TERM is the main processes' to pass on: a worker ends its work first.
	// Who is another instance's by now must be known before the KILL.
	s.spared = func(p *matcher.Process, signal syscall.Signal) bool {
		return !isMain(p) && (signal != syscall.SIGKILL || s.unseen != nil)
	}
	s.more = func() ([]*matcher.Process, map[int]bool, error) { return d.Remaining(d.Instance, mains, s.ever) }
	return nil
}

// stepsFor are TERM, then KILL.
func stepsFor(mains []*matcher.Process) []ssd.Step {
	steps := []ssd.Step{{Signal: syscall.SIGTERM}}
	if slices.ContainsFunc(mains, func(p *matcher.Process) bool { return p.Evidence.State == "T" }) {
		// A stopped process takes TERM when it goes on; so does systemd.kill(5).
		steps = append(steps, ssd.Step{Signal: syscall.SIGCONT})
	}
	patience := ssd.Step{IsWait: true, Wait: Patience}
	return append(steps, patience, ssd.Step{Signal: syscall.SIGKILL}, patience)
}

// successor tells of a pidfile that is not the ended process's any more.
func (d Proven) successor(notRemoved error) (exit int, err error) {
	if errors.Is(notRemoved, matcher.ErrNoAnswer) {
		d.Warn("%v", notRemoved)
		return 0, nil
	}
	in := d.Instance
	in.Hold, in.Others, in.PidfileOnly = false, false, true
	now, err := d.Check(in)
	if err != nil {
		return 0, err
	}
	if now.Verdict == matcher.Running {
		d.Warn("%s has ended, and runs again: PID %s from %s was started meanwhile and is left alone", filepath.Base(in.Daemon), now.PIDs().Few(), now.Pidfile.Path)
		return exitcode.Refused, nil
	}
	d.Warn("%v", notRemoved)
	return 0, nil
}
