package fact

import "time"

// Clock is what tells whether the clock was set since something was started.
type Clock struct {
	Began     time.Time // when the system's first process started
	SinceBoot bool      // the clock agrees with when that was done
	Witnesses []Witness
	// SetBack are those that were done at a time which is still to come, by the clock of now:
	// it was set back since. Their Late is negative.
	SetBack []Witness
}

// Witness is something that was done at a moment which is known twice: by the clock of
// then, and in the kernel's ticks since the boot.
type Witness struct {
	Of      string
	Started time.Time     // by the ticks, in the clock of now
	Late    time.Duration // by how much that is later than by the clock of then: it was set so far since
	Slack   time.Duration // how exact that is
}
