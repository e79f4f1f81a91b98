// Package ask puts the commands' questions to matcher: each under the deadline of
// --timeout, with the registered pidfiles, and not at all once it is known that
// something does not answer.
package ask

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"pidproof/cmd/pidproof/internal/deadline"
	"pidproof/cmd/pidproof/internal/registry"
	"pidproof/matcher"
	"pidproof/matcher/host"
)

// DefaultTimeout is that of --timeout.
const DefaultTimeout = 10 * time.Second

// Asker asks matcher, each question under one deadline.
type Asker struct {
	// Timeout is that of one question; 0: none.
	Timeout time.Duration
	// Unanswered, when set, is what did not answer in time; commands then give
	// that answer without looking themselves.
	Unanswered string
	// Caller is the process that called us.
	Caller int
}

// Deadline is that of one question. In the second process the first keeps the time.
func (a *Asker) Deadline() (context.Context, context.CancelFunc) {
	if a.Timeout == 0 {
		return context.WithCancel(context.Background())
	}
	return context.WithTimeout(context.Background(), a.Timeout)
}

// Questions is for what asks other programs several questions, one after the other: each has the time of one.
func (a *Asker) Questions() (context.Context, context.CancelFunc) {
	if a.Timeout == 0 {
		return a.Deadline()
	}
	return deadline.Each(context.Background(), a.Timeout)
}

// Check is matcher.Check, unless it is known already that there is no answer.
func (a *Asker) Check(in matcher.Instance) (matcher.Report, error) {
	if a.Unanswered != "" {
		return in.NoAnswer(a.Unanswered), nil
	}
	ctx, cancel := a.Deadline()
	defer cancel()
	in.Registered = registry.Pidfiles
	return matcher.Check(ctx, in)
}

// Match is matcher.Match, likewise.
func (a *Asker) Match(criteria matcher.Criteria) (matcher.Matched, error) {
	if a.Unanswered != "" {
		none := matcher.Matched{Rule: "deadline", Reason: a.NoAnswer().Error()}
		none.Pidfile.Path = criteria.Pidfile
		return none, nil
	}
	ctx, cancel := a.Deadline()
	defer cancel()
	return matcher.Match(ctx, criteria, registry.Pidfiles)
}

// NoAnswer is the error of a command that is to answer without looking.
func (a *Asker) NoAnswer() error {
	if a.Unanswered == "" {
		return nil
	}
	return errors.New("no answer in time while " + a.Unanswered)
}

// Find is matcher.Find, likewise.
func (a *Asker) Find(program string, how matcher.Finding) ([]int, error) {
	if err := a.NoAnswer(); err != nil {
		return nil, err
	}
	ctx, cancel := a.Deadline()
	defer cancel()
	return matcher.Find(ctx, program, how)
}

// Inventory is matcher.TakeInventory, likewise.
func (a *Asker) Inventory(s matcher.Search) (matcher.Inventory, error) {
	if err := a.NoAnswer(); err != nil {
		return matcher.Inventory{}, err
	}
	ctx, cancel := a.Deadline()
	defer cancel()
	return matcher.TakeInventory(ctx, s)
}

// Remaining is Instance.Remaining under the usual deadline; ever are all who were targets.
func (a *Asker) Remaining(in matcher.Instance, mains, ever []*matcher.Process) (left []*matcher.Process, others map[int]bool, err error) {
	ctx, cancel := a.Deadline()
	defer cancel()
	in.Registered = registry.Pidfiles
	return in.Remaining(ctx, mains, ever)
}

// AllPIDs is what Debian's pidofproc falls back to: pidof -c -o %PPID -x.
func (a *Asker) AllPIDs(daemon string) ([]string, error) {
	pids, err := a.Find(daemon, matcher.Finding{Scripts: true, SameRoot: os.Geteuid() == 0})
	if err != nil {
		return nil, err
	}
	var out []string
	caller, err := host.Caller(a.Caller)
	if err != nil {
		return nil, fmt.Errorf("who asks cannot be told: %w", err)
	}
	for _, pid := range pids {
		if !slices.Contains(caller, pid) {
			out = append(out, strconv.Itoa(pid))
		}
	}
	return out, nil
}
