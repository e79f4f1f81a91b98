package stop

import (
	"slices"
	"time"

	"pidproof/cmd/pidproof/internal/ssd"
	"pidproof/matcher"
)

// WrapperPatience is how long a wrapper may take to end by itself, once what it started has.
const WrapperPatience = 2 * time.Second

// wrapperOf is for ending who started a daemon that has ended. As a rule he ends by himself:
// su, whose TERM would become a KILL for the daemon after two seconds, and mariadbd-safe,
// which obeys no TERM. One that starts the daemon again (daemon(1) --respawn) is
// signalled, and whom more finds that he has started.
func (s *stopping) wrapperOf(wrapper *matcher.Process, more func(known []*matcher.Process) ([]*matcher.Process, map[int]bool, error)) stopping {
	var known []*matcher.Process
	return stopping{
		targets: []*matcher.Process{wrapper},
		sent:    s.sent,
		record:  s.record,
		more: func() (left []*matcher.Process, others map[int]bool, err error) {
			left, others, err = more(known)
			known = append(known, left...)
			return left, others, err
		},
	}
}

// follow waits for the end of a wrapper, and carries out the schedule if it does not come.
// It reports that all have ended.
func (s *stopping) follow(schedule ssd.Schedule) bool {
	if s.await(WrapperPatience) {
		return true
	}
	s.join()
	schedule.Steps = slices.Clone(schedule.Steps)
	return s.carryOut(schedule)
}
