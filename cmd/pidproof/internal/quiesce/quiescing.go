package quiesce

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"pidproof/cmd/pidproof/internal/ask"
	"pidproof/cmd/pidproof/internal/deadline"
	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/cmd/pidproof/internal/invokerc"
	"pidproof/cmd/pidproof/internal/ondemand"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/matcher"
)

// LookUp finds a service, and what may start it.
func LookUp(a *ask.Asker, name string) (ondemand.Service, error) {
	ctx, cancel := a.Questions()
	defer cancel()
	return ondemand.Look(ctx, name)
}

// Limit is that of --time: a database may take minutes to stop.
const Limit = 5 * time.Minute

// Quiescing stops services with one call of the program that does.
type Quiescing struct {
	*say.Console
	*ask.Asker
	Command  string // pidproof's
	Services []ondemand.Service
	Real     string // which program: handover.InvokeRC or handover.DebSystemdInvoke
	Words    []string
	OnDemand bool // their triggers stay armed
	// Lenient: it stands in the real program's place, and fails where that does, or where
	// a unit runs on. All else is said: that nothing could be held off, that something may
	// start it, that what an init script should have stopped runs on.
	Lenient bool
	Package string        // whose maintainer script asks for it: what is held off is given back when dpkg has done with it
	Limit   time.Duration // for the real program; 0: none, as it has none itself

	ctx context.Context // ends when a signal comes
}

// stopping is one of the services, and how far it came.
type stopping struct {
	*ondemand.Service
	processes *ondemand.Processes
	script    scripted
	unheld    error // nothing could be held off, or not all
	code      int
}

// Run returns the exit code. A signal that would end us ends the run, and what is held off
// by then is said.
func (q Quiescing) Run() int {
	ctx, given := untilSignal()
	q.ctx = ctx
	services := make([]*stopping, len(q.Services))
	for i := range q.Services {
		services[i] = &stopping{Service: &q.Services[i], processes: new(ondemand.Processes)}
	}
	code := q.run(services)
	if by := given(); by != 0 {
		code = 128 + int(by)
		for _, s := range services {
			s.code = code
			q.sayUnseen(s, by.String())
		}
	}
	for _, s := range services {
		q.record(s)
	}
	return code
}

// signalTime is how much later than its child a process may get a signal to both.
const signalTime = time.Second / 5

// Plain stops a service that nothing starts on demand, as the real invoke-rc.d does, and says
// what it does not: that an init script has ended nothing. stopped is false where there is
// nothing to look at, and the real program is to be executed.
func (q Quiescing) Plain() (code int, stopped bool) {
	s := &stopping{Service: &q.Services[0]}
	var err error
	s.script, err = lookAtScript(q.Asker, *s.Service)
	defer s.script.release()
	if err != nil || !s.script.ran() || s.Manager == "none" { // in a chroot, it is another's
		return 0, false
	}
	if would, err := invokerc.Ask(q.Words); err != nil || would != invokerc.Does {
		return 0, false
	}
	q.ctx = context.Background() // a signal is between the real program and its caller
	if code = q.stop(); code == 0 {
		q.scriptEnded(s)
	}
	return code, true
}

// run returns the worst of what came of them, and leaves with each what came of it.
func (q Quiescing) run(services []*stopping) int {
	for _, s := range services {
		s.unheld = q.prepare(s)
		defer s.processes.Release()
		defer s.script.release()
		if s.unheld != nil && !q.Lenient {
			q.Warn("%s: not stopped: %v", s.Name, s.unheld)
			s.code = exitcode.Unknown
			return s.code
		}
	}
	if q.ctx.Err() != nil {
		return exitcode.Unknown
	}
	q.giveBackLater(services)
	worst := q.stopAgainst(services)
	// deb-systemd-invoke may have failed for one of several units, and the others are stopped.
	if worst >= 128 || q.ctx.Err() != nil || worst != 0 && q.Real == handover.InvokeRC {
		q.failed(services, worst)
		return worst
	}
	for _, s := range services {
		s.code = q.ended(s)
	}
	// Not before the stop: a start that was under way when the hold was put may have come to
	// run the daemon since, and have been stopped like any other.
	q.prove(services, ondemand.Now())
	for _, s := range services {
		if q.Lenient && s.code != exitcode.Refused {
			s.code = 0
		}
		worst = max(worst, s.code)
	}
	return worst
}

// failed leaves it at what the program has said of its failure, and says what is held off.
func (q Quiescing) failed(services []*stopping, code int) {
	if code > 128 && code < exitcode.Unheld { // Ctrl-C is the whole process group's, and may have ended the program first
		select {
		case <-q.ctx.Done():
		case <-time.After(signalTime):
		}
	}
	for _, s := range services {
		s.code = code
		if q.Lenient && len(q.heldOff(s)) > 0 && q.ctx.Err() == nil {
			q.sayUnseen(s, q.Real+" has failed")
		}
	}
}

// prepare holds what runs of a service, and holds off what may start it.
func (q Quiescing) prepare(s *stopping) (err error) {
	held, err := step(q, s.HoldProcesses)
	if held != nil {
		s.processes = held
	}
	if err == nil {
		s.script, err = lookAtScript(q.Asker, *s.Service)
	}
	switch {
	case err != nil && !q.Lenient:
		return err
	case err != nil && q.ctx.Err() == nil:
		q.Warn("whether %s is stopped cannot be told: %v", s.Name, err)
	}
	if q.OnDemand {
		return nil
	}
	return q.hold(s)
}

// step is one whose questions are under deadlines of their own.
func step[T any](q Quiescing, what func(context.Context) (T, error)) (T, error) {
	ctx, cancel := deadline.Each(q.ctx, q.patience())
	defer cancel()
	return what(ctx)
}

// patience is for one question.
func (q Quiescing) patience() time.Duration {
	if q.Timeout > 0 {
		return q.Timeout
	}
	return ask.DefaultTimeout
}

// stopTime is for what may take as long as the stop of a service.
func (q Quiescing) stopTime() (context.Context, context.CancelFunc) {
	if q.Limit > 0 {
		return context.WithTimeout(q.ctx, q.Limit)
	}
	return context.WithTimeout(q.ctx, Limit)
}

func (q Quiescing) hold(s *stopping) error {
	// A trigger that the service needs (Requires=foo.socket) stops after it.
	ctx, cancel := q.stopTime()
	defer cancel()
	damage, err := s.Hold(ctx, q.Package)
	if damage != nil {
		q.Warn("%v", damage)
	}
	if taken := s.TakenDown(); len(taken) > 0 {
		q.Warn("%s stops with the triggers of %s (BindsTo=), and is started with them", strings.Join(taken, " "), s.Name)
	}
	return err
}

// stopAgainst stops the services against starts that are asked for meanwhile.
func (q Quiescing) stopAgainst(services []*stopping) (code int) {
	limit := q.Limit
	if limit <= 0 {
		limit = Limit
	}
	ctx, cancel := context.WithTimeout(q.ctx, limit)
	defer cancel()
	for range stops {
		if code = q.stop(); code != exitcode.Refused || q.ctx.Err() != nil { // systemctl's
			return code
		}
		again := slices.ContainsFunc(services, func(s *stopping) bool {
			contended, err := s.Contended(ctx)
			return err == nil && contended // else what the stop has said stands
		})
		if !again {
			return code
		}
	}
	return code
}

// stops is how often a stop is called that meets a start: the start is refused then, and the
// bus asks for none as long as it waits for one.
const stops = 4

// stop has the real program stop the services; where there is nothing that it knows
// of, as with a service that only inetd or a template has, there is nothing to do.
func (q Quiescing) stop() int {
	name := q.Services[0].Name // with several, the real program names them
	if q.Real == handover.InvokeRC && !q.Services[0].Stoppable() {
		return 0
	}
	real, err := handover.FindReal(q.Real)
	if err != nil {
		q.Warn("%s: not stopped: %v", name, err)
		return exitcode.Unknown
	}
	cmd := exec.Command(real, q.Words...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, q.Stdout, q.Stderr
	if err := cmd.Start(); err != nil {
		q.Warn("%s: not stopped: %v", name, handover.NotExecuted(real, err))
		return exitcode.Unknown
	}
	var limit <-chan time.Time
	if q.Limit > 0 {
		limit = time.After(q.Limit)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // how it ended is in its state
	select {
	case err := <-ended:
		if cmd.ProcessState == nil {
			q.Warn("%s: how %s ended cannot be told: %v", name, real, err)
			return exitcode.Unknown
		}
		return exitCodeOf(cmd.ProcessState)
	case <-q.ctx.Done(): // who is asked by Ctrl-C is the whole process group, and so the script
		return exitcode.Unknown
	case <-limit:
		q.Warn("%s: %s has not ended after %s, and goes on", name, real, matcher.Span(q.Limit))
		return exitcode.Unknown
	}
}

// exitCodeOf is that of a shell: 128 and the signal that ended it.
func exitCodeOf(ended *os.ProcessState) int {
	if status, is := ended.Sys().(syscall.WaitStatus); is && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return ended.ExitCode()
}
