package stop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"pidproof/cmd/pidproof/internal/record"
	"pidproof/cmd/pidproof/internal/ssd"
	"pidproof/matcher"
)

// stopping carries out a schedule of signals and waits on processes that are
// held, so that every signal reaches whom it was meant for, or nobody.
type stopping struct {
	targets []*matcher.Process // those that have not ended, as far as known
	// spared says who does not get a signal, though it is awaited; nil: nobody.
	spared func(*matcher.Process, syscall.Signal) bool
	// more finds who has come since, and who has turned out to be another
	// instance's; nil: nobody counts.
	more func() (came []*matcher.Process, others map[int]bool, err error)
	// sent is told who got the nth signal, from 0 on.
	sent   func(pids []string, signal syscall.Signal, nth int)
	record record.Entry // who does it, for the log

	ever    []*matcher.Process // all that were ever targets
	reached map[int]bool       // PIDs that got a signal
	refused error              // why a signal could not be sent
	unseen  error              // why there may be more targets
}

// carryOut reports that all have ended. It stops early when nobody may be
// signalled.
func (s *stopping) carryOut(schedule ssd.Schedule) (ended bool) {
	s.reached, s.ever = map[int]bool{}, slices.Clone(s.targets)
	for at, nth := 0, 0; ; at++ {
		if at == len(schedule.Steps) {
			if schedule.Repeat < 0 {
				return false
			}
			at = schedule.Repeat
		}
		step := schedule.Steps[at]
		if step.IsWait {
			// No time is no look, as for dpkg: who is gone is seen at the next signal.
			if step.Wait > 0 && s.await(step.Wait) {
				return true
			}
			continue
		}
		if nth > 0 {
			s.join()
		}
		if s.signal(step.Signal, nth); len(s.targets) == 0 || s.refused != nil && len(s.reached) == 0 {
			return len(s.targets) == 0
		}
		nth++
	}
}

// signal sends one signal to each target that it is meant for.
func (s *stopping) signal(signal syscall.Signal, nth int) {
	var pids []string
	s.targets = slices.DeleteFunc(s.targets, func(p *matcher.Process) bool {
		if s.spared != nil && s.spared(p, signal) {
			return p.Ended()
		}
		pid := p.Evidence.PID
		switch err := p.Signal(signal); {
		case errors.Is(err, syscall.ESRCH):
			return true
		case err != nil:
			s.refused = fmt.Errorf("process %d could not be signalled: %w", pid, err)
			return false
		}
		s.record.Signalled(p, signal)
		s.reached[pid] = true
		pids = append(pids, strconv.Itoa(pid))
		return false
	})
	if len(pids) > 0 {
		s.sent(pids, signal, nth)
	}
}

// await reports that all have ended, and nobody has come instead.
func (s *stopping) await(wait time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	for {
		s.targets = matcher.AwaitEnd(ctx, s.targets)
		if len(s.targets) > 0 {
			return false
		}
		if came := s.join(); !came {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
	}
}

// join takes in who has come since, and leaves out who is another instance's. It
// reports that somebody has come, though he may have ended already: who forks
// faster than all processes can be looked at is not gone.
func (s *stopping) join() (came bool) {
	if s.more == nil {
		return false
	}
	found, others, err := s.more()
	s.unseen = err
	s.targets = slices.DeleteFunc(s.targets, func(p *matcher.Process) bool { return others[p.Evidence.PID] })
	for _, p := range found {
		if p.Ended() || slices.ContainsFunc(s.targets, func(known *matcher.Process) bool { return known.Evidence.PID == p.Evidence.PID }) {
			came = came || p.Ended()
			p.Release()
			continue
		}
		came = true
		s.targets = append(s.targets, p)
		s.ever = append(s.ever, p)
	}
	return came
}

// pids names those that have not ended.
func (s *stopping) pids() string {
	var out []string
	for _, p := range s.targets {
		out = append(out, strconv.Itoa(p.Evidence.PID))
	}
	return strings.Join(out, " ")
}
