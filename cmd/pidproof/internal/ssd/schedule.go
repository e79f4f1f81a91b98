package ssd

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Schedule is what --retry asks for, start-stop-daemon(8). When the processes
// have not ended by its end, start-stop-daemon exits with 2.
type Schedule struct {
	Steps  []Step
	Repeat int // index of the step to go on with after the last; -1: the schedule ends there
}

// Step sends a signal, or waits for the processes to end.
type Step struct {
	Signal syscall.Signal // what to send; 0, without IsWait: only ask for permission
	Wait   time.Duration  // how long to wait; 0: look once
	IsWait bool
}

// ParseSchedule reads a schedule: `TERM/30/KILL/5`, `-15/5/-9/5`,
// `TERM/forever/5/KILL`. A number alone, `5`, is the seconds in first/5/KILL/5.
// Seconds go up to 2147483647, as dpkg's: 68 years fit into a Duration. It is an
// error to be empty, to have an empty item, and to repeat without waiting: dpkg
// would then send signals as fast as it can, forever.
func ParseSchedule(s string, first syscall.Signal) (*Schedule, error) {
	if !strings.Contains(s, "/") {
		wait, err := parseStep(s)
		if err != nil || !wait.IsWait {
			return nil, fmt.Errorf("%q is no schedule: write seconds, or at least two items like TERM/30", s)
		}
		return &Schedule{Steps: []Step{{Signal: first}, wait, {Signal: unix.SIGKILL}, wait}, Repeat: -1}, nil
	}
	schedule := &Schedule{Repeat: -1}
	for item := range strings.SplitSeq(s, "/") {
		if item != "forever" {
			step, err := parseStep(item)
			if err != nil {
				return nil, fmt.Errorf("schedule %q: %w", s, err)
			}
			schedule.Steps = append(schedule.Steps, step)
			continue
		}
		if schedule.Repeat >= 0 {
			return nil, fmt.Errorf("schedule %q: forever is there twice: leave one out", s)
		}
		schedule.Repeat = len(schedule.Steps)
	}
	if schedule.Repeat < 0 {
		return schedule, nil
	}
	repeated := schedule.Steps[schedule.Repeat:]
	if len(repeated) == 0 {
		return nil, fmt.Errorf("schedule %q: nothing follows forever: write what to repeat after it", s)
	}
	// A wait of 0 seconds is none.
	if !slices.ContainsFunc(repeated, func(step Step) bool { return step.Wait > 0 }) {
		return nil, fmt.Errorf("schedule %q: nothing after forever waits: write seconds there, like forever/TERM/5", s)
	}
	return schedule, nil
}

// parseStep reads any item but forever. What begins with a digit is seconds, so
// a signal's number needs its dash.
func parseStep(item string) (Step, error) {
	switch {
	case item == "":
		return Step{}, errors.New("an item is empty: write one slash between two items")
	case item[0] >= '0' && item[0] <= '9':
		seconds, err := strconv.ParseUint(item, 10, 31)
		if err != nil {
			return Step{}, fmt.Errorf("%q is no number of seconds up to 2147483647", item)
		}
		return Step{Wait: time.Duration(seconds) * time.Second, IsWait: true}, nil
	}
	signal, err := ParseSignal(strings.TrimPrefix(item, "-"))
	return Step{Signal: signal}, err
}
