package restart

import (
	"context"
	"fmt"
	"time"

	"pidproof/cmd/pidproof/internal/instances"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/matcher"
)

const (
	// comeback is how long after its restart command an instance may take until its
	// pidfile names it.
	comeback = 30 * time.Second
	// settleTime is how long the new main process must live. Most daemons that
	// cannot run end sooner: bad configuration, a port that is taken.
	settleTime = 2 * time.Second
	// restartTick is how often an instance is looked at meanwhile.
	restartTick = 50 * time.Millisecond
)

// comesBack returns nil once the pidfile has named the same process, which runs the
// daemon's file of now, for settleTime. After a failure it says how things stand.
func (r *Run) comesBack(i instances.Instance, failure error) error {
	progress := &say.Progress{To: r.Stderr, Begun: time.Now(), Limit: comeback}
	defer progress.Clear()
	until := progress.Begun.Add(comeback)
	for {
		now, err := instances.LookAt(r.Asker, i.Registration)
		stands := now.Standing(i.Main(), err)
		if failure == nil && now.Current() && !now.Beside(i.Main()) && r.settles(now, progress) {
			r.Say("%s: restarted: PID %d is now %d, and runs the current %s",
				i.Name, i.Main().Evidence.PID, now.Main().Evidence.PID, i.Daemon)
			now.Report.Release()
			return nil
		}
		now.Report.Release()
		if failure != nil {
			return fmt.Errorf("%w; %s", failure, stands)
		}
		if !time.Now().Before(until) {
			return fmt.Errorf("%s after its restart command: %s", matcher.Span(comeback), stands)
		}
		wake := progress.Show("waiting for " + i.Name + " to come back")
		if err, _ := r.await(i, nil, earliest(wake, time.Now().Add(restartTick))); err != nil {
			return fmt.Errorf("%w; %s", err, stands)
		}
	}
}

// settles reports that an instance stays as it is.
func (r *Run) settles(now instances.Instance, progress *say.Progress) bool {
	for until := time.Now().Add(settleTime); time.Now().Before(until); {
		wake := progress.Show("looking whether " + now.Name + " stays")
		ctx, cancel := context.WithDeadline(context.Background(), earliest(until, wake))
		left := matcher.AwaitEnd(ctx, []*matcher.Process{now.Main()})
		if cancel(); len(left) == 0 {
			return false
		}
	}
	progress.Clear()
	later, err := instances.LookAt(r.Asker, now.Registration)
	defer later.Report.Release()
	return err == nil && later.Current() && later.Main().Evidence.PID == now.Main().Evidence.PID
}
