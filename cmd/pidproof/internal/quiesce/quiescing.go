package quiesce

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"pidproof/cmd/pidproof/internal/ask"
	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/cmd/pidproof/internal/invokerc"
	"pidproof/cmd/pidproof/internal/ondemand"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/matcher"
)

// LookUp finds a service, and what may start it.
func LookUp(a *ask.Asker, name string) (ondemand.Service, error) {
	ctx, cancel := a.Deadline()
	defer cancel()
	return ondemand.Look(ctx, name)
}

// Limit is that of --time: a database may take minutes to stop.
const Limit = 5 * time.Minute

// Quiescing stops a service.
type Quiescing struct {
	*say.Console
	*ask.Asker
	Command  string // pidproof's
	Service  ondemand.Service
	Words    []string // for the real invoke-rc.d
	OnDemand bool     // its triggers stay armed
	// Lenient: that what an init script should have stopped runs on is said, and no
	// failure, as it is none of the real invoke-rc.d's.
	Lenient bool
	Limit   time.Duration

	ctx context.Context // ends when a signal comes
}

// Run returns the exit code. A signal that would end us ends the run, and what is held off
// by then is said.
func (q Quiescing) Run() int {
	ctx, given := untilSignal()
	q.ctx = ctx
	code := q.run()
	if code > 128 && code < exitcode.Unheld { // Ctrl-C is the whole process group's, and may have ended the script first
		select {
		case <-ctx.Done():
		case <-time.After(signalTime):
		}
	}
	if by := given(); by != 0 {
		q.sayInterrupted(by)
		code = 128 + int(by)
	}
	q.record(code)
	return code
}

// signalTime is how much later than its child a process may get a signal to both.
const signalTime = time.Second / 5

// Plain stops a service that nothing starts on demand, as the real invoke-rc.d does, and says
// what it does not: that an init script has ended nothing. stopped is false where there is
// nothing to look at, and the real program is to be executed.
func (q Quiescing) Plain() (code int, stopped bool) {
	script, err := lookAtScript(q.Asker, q.Service)
	defer script.release()
	if err != nil || !script.ran() || q.Service.Manager == "none" { // in a chroot, it is another's
		return 0, false
	}
	if would, err := invokerc.Ask(q.Words); err != nil || would != invokerc.Does {
		return 0, false
	}
	q.ctx = context.Background() // a signal is between the real program and its caller
	if code = q.stop(); code == 0 {
		q.scriptEnded(script)
	}
	return code, true
}

func (q Quiescing) run() int {
	processes, err := step(q, q.Service.HoldProcesses)
	defer processes.Release()
	var script scripted
	if err == nil {
		script, err = lookAtScript(q.Asker, q.Service)
		defer script.release()
	}
	if err == nil && !q.OnDemand {
		err = q.hold()
	}
	if err != nil {
		q.Warn("%s: not stopped: %v", q.Service.Name, err)
		return exitcode.Unknown
	}
	stopped := ondemand.Now()
	if code := q.stopAgainst(); code != 0 {
		return code
	}
	spared, err := q.stopInstances()
	for _, what := range spared {
		q.Warn("%s is left alone: this command runs under it", what)
	}
	if err != nil {
		return q.runs(err)
	}
	if left := processes.Await(time.Now().Add(lastGasp)); len(left) > 0 {
		return q.runs(fmt.Errorf("of %s there still run: %s", q.Service.Name, pidList(left)))
	}
	if code := q.scriptEnded(script); code != 0 {
		return code
	}
	if q.OnDemand {
		return q.allowed(stopped)
	}
	return q.proven(stopped)
}

// scriptEnded asks whether what an init script has started has ended.
func (q Quiescing) scriptEnded(script scripted) int {
	runs, err := script.runsOn(q.Service.Name)
	if err == nil && len(script.known) == 0 && script.asked {
		err = fmt.Errorf("%s: its init script was called, but whether it is stopped is not known: it names no daemon that could be looked for (DAEMON=), and no registration does",
			q.Service.Name)
	}
	switch {
	case err == nil:
		return 0
	case q.Lenient:
		if len(script.known) > 0 {
			q.Warn("%v", err)
		}
		return 0
	case runs:
		q.Warn("%v", err)
		return exitcode.Refused
	}
	q.Warn("%v", err)
	return exitcode.Unknown
}

// lastGasp is how long a process may take to end after its service was stopped.
const lastGasp = 2 * time.Second

// step is one under a deadline of its own.
func step[T any](q Quiescing, what func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(q.ctx, q.patience())
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

func (q Quiescing) hold() error {
	// A trigger that the service needs (Requires=foo.socket) stops after it.
	ctx, cancel := context.WithTimeout(q.ctx, q.Limit)
	defer cancel()
	damage, err := q.Service.Hold(ctx)
	if damage != nil {
		q.Warn("%v", damage)
	}
	if taken := q.Service.TakenDown(); len(taken) > 0 {
		q.Warn("%s stops with the triggers of %s (BindsTo=), and is started with them", strings.Join(taken, " "), q.Service.Name)
	}
	return err
}

// stopInstances may take as long as the stop of the service.
func (q Quiescing) stopInstances() (spared []string, err error) {
	ctx, cancel := context.WithTimeout(q.ctx, q.Limit)
	defer cancel()
	return q.Service.StopInstances(ctx)
}

func (q Quiescing) runs(err error) int {
	q.Warn("%v", err)
	if errors.Is(err, ondemand.ErrNoAnswer) {
		return exitcode.Unknown
	}
	return exitcode.Refused
}

// stopAgainst stops the service against starts that are asked for meanwhile.
func (q Quiescing) stopAgainst() (code int) {
	ctx, cancel := context.WithTimeout(q.ctx, q.Limit)
	defer cancel()
	for range stops {
		if code = q.stop(); code != exitcode.Refused || q.ctx.Err() != nil { // systemctl's
			return code
		}
		contended, err := q.Service.Contended(ctx)
		if err != nil || !contended {
			return code
		}
	}
	return code
}

// stops is how often a stop is called that meets a start: the start is refused then, and the
// bus asks for none as long as it waits for one.
const stops = 4

// stop has the real invoke-rc.d stop the service; where there is nothing that it knows
// of, as with a service that only inetd or a template has, there is nothing to do.
func (q Quiescing) stop() int {
	if !q.Service.Stoppable() {
		return 0
	}
	real, err := handover.FindReal(handover.InvokeRC)
	if err != nil {
		q.Warn("%s: not stopped: %v", q.Service.Name, err)
		return exitcode.Unknown
	}
	cmd := exec.Command(real, q.Words...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, q.Stdout, q.Stderr
	if err := cmd.Start(); err != nil {
		q.Warn("%s: not stopped: %v", q.Service.Name, handover.NotExecuted(real, err))
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
			q.Warn("%s: how %s ended cannot be told: %v", q.Service.Name, real, err)
			return exitcode.Unknown
		}
		return exitCodeOf(cmd.ProcessState)
	case <-q.ctx.Done(): // who is asked by Ctrl-C is the whole process group, and so the script
		return exitcode.Unknown
	case <-limit:
		q.Warn("%s: %s has not ended after %s, and goes on", q.Service.Name, real, matcher.Span(q.Limit))
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

// allowed says whether the service is back already.
func (q Quiescing) allowed(stopped ondemand.Moment) int {
	holdable, others := q.Service.Active()
	if len(holdable)+len(others) == 0 {
		return 0 // nothing can start it: a plain stop
	}
	if err := q.Service.Allow(stopped); err != nil {
		q.Warn("%s: that it may come back could not be recorded: %v", q.Service.Name, err)
	}
	back, err := step(q, func(ctx context.Context) (ondemand.Return, error) { return q.Service.CameBack(ctx, stopped) })
	if err != nil {
		return q.runs(err)
	}
	if back.Came {
		q.Warn("%s %v at once: on demand, as is allowed", q.Service.Name, back)
	}
	return 0
}

// proven returns 0 only if the service stays stopped.
func (q Quiescing) proven(stopped ondemand.Moment) int {
	ctx, cancel := context.WithTimeout(q.ctx, q.patience()+ondemand.SettleTime)
	defer cancel()
	err := q.Service.StaysStopped(ctx, stopped)
	code := 0
	if err != nil {
		code = q.runs(err)
	}
	_, others := q.Service.Active()
	for _, t := range others {
		q.Warn("%s was stopped, but %s (%s) may start it again and cannot be held off", q.Service.Name, t.Name, t.Kind)
	}
	if len(others) > 0 && code != exitcode.Unknown {
		return exitcode.Unheld
	}
	return code
}

func pidList(pids []int) string {
	var words []string
	for _, pid := range pids {
		words = append(words, fmt.Sprint(pid))
	}
	return strings.Join(words, " ")
}

// Done says how things are, for a person: also what was held off before, by whomever.
func (q Quiescing) Done() string {
	var active, held []string
	for _, t := range q.Service.Triggers {
		switch {
		case t.HeldOff():
			held = append(held, t.Name)
		case t.Active:
			active = append(active, t.Name)
		}
	}
	if !q.OnDemand {
		held, active = append(held, active...), nil
	}
	slices.Sort(held)
	name, mayStart, isHeld := q.Service.Name, strings.Join(active, " "), strings.Join(held, " ")
	switch {
	case len(active)+len(held) == 0:
		return name + " is stopped; nothing can start it on demand"
	case len(held) == 0:
		return fmt.Sprintf("%s was stopped, and may be started again by: %s", name, mayStart)
	case len(active) == 0:
		return fmt.Sprintf("%s is stopped; held off until \"invoke-rc.d %[1]s start\" or \"pidproof unquiesce %[1]s\": %[2]s", name, isHeld)
	}
	return fmt.Sprintf("%s was stopped, and may be started again by: %s; held off until \"invoke-rc.d %[1]s start\" or \"pidproof unquiesce %[1]s\": %[3]s",
		name, mayStart, isHeld)
}
