package main

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
	"pidproof/cmd/pidproof/internal/invokerc"
	"pidproof/cmd/pidproof/internal/ondemand"
	"pidproof/cmd/pidproof/internal/restart"
	"pidproof/matcher"
)

type quiesceCmd struct {
	AllowOnDemand bool   `name:"allow-on-demand" help:"Only end what runs; it may be started again on demand, possibly at once."`
	Time          limit  `short:"t" default:"300" placeholder:"SECONDS" help:"Wait at most this long for invoke-rc.d. Default: 300."`
	Service       string `arg:"" name:"name" help:"The service: its name as invoke-rc.d takes it, or its unit."`
}

func (quiesceCmd) Help() string {
	return `Records what could start the service again, holds that off, stops the service with the real invoke-rc.d, and sees to it that it stays stopped. Exit status: 0 it is, 1 it runs, or came back, 4 it cannot be told, 150 it is stopped, but something that cannot be held off may start it; any other is invoke-rc.d's own.`
}

func (cmd quiesceCmd) Run(c *console) error {
	name, err := ondemand.ParseName(cmd.Service)
	if err != nil {
		return err
	}
	service, err := c.lookUp(name)
	if err != nil {
		return err
	}
	would := invokerc.Does
	if service.Stoppable() {
		if would, err = invokerc.Ask([]string{name, "stop"}); err != nil {
			return fmt.Errorf("%s: not stopped: %w", name, err)
		}
	}
	if would != invokerc.Does {
		c.Warn("%s: invoke-rc.d does not stop it, see invoke-rc.d --query %[1]s stop: policy-rc.d may deny it", name)
		c.exit = exitcode.Refused
		return nil
	}
	q := quiescing{c, service, []string{name, "stop"}, cmd.AllowOnDemand, time.Duration(cmd.Time)}
	if c.exit = q.run(); c.exit == 0 {
		c.Say("%s", q.done())
	}
	return nil
}

// done says how things are, for a person.
func (q quiescing) done() string {
	var names []string
	holdable, others := q.service.Active()
	for _, t := range append(holdable, others...) {
		names = append(names, t.Name)
	}
	switch name, list := q.service.Name, strings.Join(names, " "); {
	case len(names) == 0:
		return name + " is stopped; nothing can start it on demand"
	case q.onDemand:
		return fmt.Sprintf("%s was stopped, and may be started again by: %s", name, list)
	default:
		return fmt.Sprintf("%s is stopped; held off until \"invoke-rc.d %[1]s start\" or \"pidproof unquiesce %[1]s\": %s", name, list)
	}
}

func (c *console) lookUp(name string) (ondemand.Service, error) {
	ctx, cancel := c.Deadline()
	defer cancel()
	return ondemand.Look(ctx, name)
}

// quiescing stops a service.
type quiescing struct {
	*console
	service  ondemand.Service
	words    []string // for the real invoke-rc.d
	onDemand bool     // its triggers stay armed
	limit    time.Duration
}

// run returns the exit code.
func (q quiescing) run() int {
	processes, err := step(q, q.service.HoldProcesses)
	defer processes.Release()
	if err == nil && !q.onDemand {
		err = q.hold()
	}
	if err != nil {
		q.Warn("%s: not stopped: %v", q.service.Name, err)
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
		return q.runs(fmt.Errorf("of %s there still run: %s", q.service.Name, pidList(left)))
	}
	if q.onDemand {
		return q.allowed(stopped)
	}
	return q.proven(stopped)
}

// lastGasp is how long a process may take to end after its service was stopped.
const lastGasp = 2 * time.Second

// step is one under a deadline of its own.
func step[T any](q quiescing, what func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(context.Background(), q.patience())
	defer cancel()
	return what(ctx)
}

// patience is for one question.
func (q quiescing) patience() time.Duration {
	if q.Timeout > 0 {
		return q.Timeout
	}
	return ask.DefaultTimeout
}

func (q quiescing) hold() error {
	// A trigger that the service needs (Requires=foo.socket) stops after it.
	ctx, cancel := context.WithTimeout(context.Background(), q.limit)
	defer cancel()
	damage, err := q.service.Hold(ctx)
	if damage != nil {
		q.Warn("%v", damage)
	}
	return err
}

// stopInstances may take as long as the stop of the service.
func (q quiescing) stopInstances() (spared []string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), q.limit)
	defer cancel()
	return q.service.StopInstances(ctx)
}

func (q quiescing) runs(err error) int {
	q.Warn("%v", err)
	if errors.Is(err, ondemand.ErrNoAnswer) {
		return exitcode.Unknown
	}
	return exitcode.Refused
}

// stop has the real invoke-rc.d stop the service; where there is nothing that it knows
// of, as with a service that only inetd or a template has, there is nothing to do.
func (q quiescing) stop() int {
	if !q.service.Stoppable() {
		return 0
	}
	real, err := handover.FindReal(handover.InvokeRC)
	if err != nil {
		q.Warn("%s: not stopped: %v", q.service.Name, err)
		return exitcode.Unknown
	}
	cmd := exec.Command(real, q.words...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, q.Stdout, q.Stderr
	if err := cmd.Start(); err != nil {
		q.Warn("%s: not stopped: %v", q.service.Name, handover.NotExecuted(real, err))
		return exitcode.Unknown
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // how it ended is in its state
	select {
	case err := <-ended:
		if cmd.ProcessState == nil {
			q.Warn("%s: how %s ended cannot be told: %v", q.service.Name, real, err)
			return exitcode.Unknown
		}
		return exitCodeOf(cmd.ProcessState)
	case <-time.After(q.limit):
		q.Warn("%s: %s has not ended after %s, and goes on", q.service.Name, real, matcher.Span(q.limit))
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
func (q quiescing) allowed(stopped ondemand.Moment) int {
	holdable, others := q.service.Active()
	if len(holdable)+len(others) == 0 {
		return 0 // nothing can start it: a plain stop
	}
	if err := q.service.Allow(stopped); err != nil {
		q.Warn("%s: that it may come back could not be recorded: %v", q.service.Name, err)
	}
	back, err := step(q, func(ctx context.Context) (ondemand.Return, error) { return q.service.CameBack(ctx, stopped) })
	if err != nil {
		return q.runs(err)
	}
	if back.Came {
		q.Warn("%s %v at once: on demand, as is allowed", q.service.Name, back)
	}
	return 0
}

// proven returns 0 only if the service stays stopped.
func (q quiescing) proven(stopped ondemand.Moment) int {
	ctx, cancel := context.WithTimeout(context.Background(), q.patience()+ondemand.SettleTime)
	defer cancel()
	err := q.service.StaysStopped(ctx, stopped)
	code := 0
	if err != nil {
		code = q.runs(err)
	}
	_, others := q.service.Active()
	for _, t := range others {
		q.Warn("%s was stopped, but %s (%s) may start it again and cannot be held off", q.service.Name, t.Name, t.Kind)
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

type unquiesceCmd struct {
	Service string `arg:"" name:"name" help:"The service: its name as invoke-rc.d takes it, or its unit."`
}

func (unquiesceCmd) Help() string {
	return `Restores what quiesce, or invoke-rc.d NAME stop, has held off. Exit status: 0 done, or there was nothing to do, 1 something could not be restored, 4 usage errors, or no answer.`
}

func (cmd unquiesceCmd) Run(c *console) error {
	name, err := ondemand.ParseName(cmd.Service)
	if err != nil {
		return err
	}
	ctx, cancel := c.Deadline()
	defer cancel()
	record, err := ondemand.Held(ctx, name)
	if err != nil {
		c.Warn("%v", err)
		c.exit = exitcode.Refused
	}
	if record == nil {
		c.Say("%s: nothing is held off.", name)
		return nil
	}
	restored, err := c.restore(*record)
	switch {
	case errors.Is(err, ondemand.ErrNoAnswer):
		return err
	case err != nil:
		c.Warn("%s: not all could be restored: %v", name, err)
		c.exit = exitcode.Refused
	case len(restored) == 0:
		c.Say("%s: nothing is left to restore.", name)
	default:
		c.Say("%s: restored: %s", name, strings.Join(restored, " "))
	}
	return nil
}

// restore starts again what a record holds off.
func (c *console) restore(r ondemand.Record) (restored []string, err error) {
	// A service that runs is stopped for its sockets, which may take its time.
	ctx, cancel := context.WithTimeout(context.Background(), restart.Limit)
	defer cancel()
	restored, restarted, err := ondemand.Restore(ctx, r)
	if restarted && err == nil {
		c.Warn("%s ran, and was started anew behind its sockets: systemd starts none of a service that runs", r.Service)
	}
	return restored, err
}
