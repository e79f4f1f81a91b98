package quiesce

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"pidproof/cmd/pidproof/internal/ask"
	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/handover"
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
	Service  ondemand.Service
	Words    []string // for the real invoke-rc.d
	OnDemand bool     // its triggers stay armed
	Limit    time.Duration
}

// Run returns the exit code.
func (q Quiescing) Run() int {
	processes, err := step(q, q.Service.HoldProcesses)
	defer processes.Release()
	if err == nil && !q.OnDemand {
		err = q.hold()
	}
	if err != nil {
		q.Warn("%s: not stopped: %v", q.Service.Name, err)
		return exitcode.Unknown
	}
	stopped := ondemand.Now()
	if code := q.stop(); code != 0 {
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
	if q.OnDemand {
		return q.allowed(stopped)
	}
	return q.proven(stopped)
}

// lastGasp is how long a process may take to end after its service was stopped.
const lastGasp = 2 * time.Second

// step is one under a deadline of its own.
func step[T any](q Quiescing, what func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(context.Background(), q.patience())
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
	ctx, cancel := context.WithTimeout(context.Background(), q.Limit)
	defer cancel()
	damage, err := q.Service.Hold(ctx)
	if damage != nil {
		q.Warn("%v", damage)
	}
	return err
}

// stopInstances may take as long as the stop of the service.
func (q Quiescing) stopInstances() (spared []string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), q.Limit)
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
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // how it ended is in its state
	select {
	case err := <-ended:
		if cmd.ProcessState == nil {
			q.Warn("%s: how %s ended cannot be told: %v", q.Service.Name, real, err)
			return exitcode.Unknown
		}
		return exitCodeOf(cmd.ProcessState)
	case <-time.After(q.Limit):
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
	ctx, cancel := context.WithTimeout(context.Background(), q.patience()+ondemand.SettleTime)
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

// Done says how things are, for a person.
func (q Quiescing) Done() string {
	var names []string
	holdable, others := q.Service.Active()
	for _, t := range append(holdable, others...) {
		names = append(names, t.Name)
	}
	switch name, list := q.Service.Name, strings.Join(names, " "); {
	case len(names) == 0:
		return name + " is stopped; nothing can start it on demand"
	case q.OnDemand:
		return fmt.Sprintf("%s was stopped, and may be started again by: %s", name, list)
	default:
		return fmt.Sprintf("%s is stopped; held off until \"invoke-rc.d %[1]s start\" or \"pidproof unquiesce %[1]s\": %s", name, list)
	}
}
