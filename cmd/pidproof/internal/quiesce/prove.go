package quiesce

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/ondemand"
)

// lastGasp is how long a process may take to end after its service was stopped.
const lastGasp = 2 * time.Second

// ended asks whether what ran of a service has ended.
func (q Quiescing) ended(s *stopping) int {
	spared, err := q.stopInstances(s)
	for _, what := range spared {
		q.Warn("%s is left alone: this command runs under it", what)
	}
	if err != nil {
		return q.runs(s, err)
	}
	if left := s.processes.Await(time.Now().Add(lastGasp)); len(left) > 0 {
		return q.runs(s, fmt.Errorf("of %s there still run: %s", s.Name, pidList(left)))
	}
	return q.scriptEnded(s)
}

// stopInstances may take as long as the stop of the service.
func (q Quiescing) stopInstances(s *stopping) (spared []string, err error) {
	ctx, cancel := q.stopTime()
	defer cancel()
	return s.StopInstances(ctx)
}

// scriptEnded asks whether what an init script has started has ended.
func (q Quiescing) scriptEnded(s *stopping) int {
	runs, err := s.script.runsOn(s.Name)
	if err == nil && len(s.script.known) == 0 && s.script.asked {
		err = fmt.Errorf("%s: its init script was called, but whether it is stopped is not known: it names no daemon that could be looked for (DAEMON=), and no registration does",
			s.Name)
	}
	switch {
	case err == nil:
		return 0
	case q.Lenient:
		if len(s.script.known) > 0 {
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

// runs says why a service is not stopped, or that it cannot be told, and how its triggers
// are all the same.
func (q Quiescing) runs(s *stopping, err error) int {
	if triggers := q.triggers(s); triggers != "" && q.Lenient {
		q.Warn("%v; %s", err, triggers)
	} else {
		q.Warn("%v", err)
	}
	if errors.Is(err, ondemand.ErrNoAnswer) {
		return exitcode.Unknown
	}
	return exitcode.Refused
}

// prove watches them all at the same time.
func (q Quiescing) prove(services []*stopping, stopped ondemand.Moment) {
	var watching sync.WaitGroup
	errs := make([]error, len(services))
	for i, s := range services {
		if s.code == 0 && !q.OnDemand {
			watching.Add(1)
			go func() {
				defer watching.Done()
				_, errs[i] = step(q, func(ctx context.Context) (none struct{}, err error) { return none, s.StaysStopped(ctx, stopped) })
			}()
		}
	}
	watching.Wait()
	for i, s := range services {
		switch {
		case s.code != 0 || q.ctx.Err() != nil:
		case q.OnDemand:
			s.code = q.allowed(s, stopped)
		default:
			s.code = q.proven(s, errs[i])
		}
	}
}

// allowed says whether the service is back already.
func (q Quiescing) allowed(s *stopping, stopped ondemand.Moment) int {
	holdable, others := s.Active()
	if len(holdable)+len(others) == 0 {
		return 0 // nothing can start it: a plain stop
	}
	if err := s.Allow(stopped); err != nil {
		q.Warn("%s: that it may come back could not be recorded: %v", s.Name, err)
	}
	back, err := step(q, func(ctx context.Context) (ondemand.Return, error) { return s.CameBack(ctx, stopped) })
	if err != nil {
		return q.runs(s, err)
	}
	if back.Came {
		q.Warn("%s %v at once: on demand, as is allowed", s.Name, back)
	}
	return 0
}

// proven returns 0 only if the service stays stopped; err is why it does not. Who listens in
// its place keeps nobody from upgrading it.
func (q Quiescing) proven(s *stopping, err error) (code int) {
	if s.unheld != nil && errors.Is(err, ondemand.ErrListens) {
		err = nil // its own triggers do
	}
	if err != nil {
		if code = q.runs(s, err); q.Lenient && errors.Is(err, ondemand.ErrListens) {
			code = 0
		}
	}
	if q.Lenient {
		if err == nil {
			q.sayStopped(s)
		}
		return code
	}
	_, others := s.Active()
	for _, t := range others {
		q.Warn("%s was stopped, but %s (%s) may start it again and cannot be held off", s.Name, t.Name, t.Kind)
	}
	if len(others) > 0 && code == 0 {
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
