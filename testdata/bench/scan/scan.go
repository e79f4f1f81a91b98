// Package scan measures what it costs to ask for a daemon beside more and more other processes, with pidproof and with
// its peers.
package scan

import (
	"context"
	"fmt"
	"path/filepath"

	"pidproof/testdata/bench/host"
	"pidproof/testdata/bench/programs"
	"pidproof/testdata/waiting"
)

// patience is how long all of it may take.
const patience = 6 * waiting.Limit

// Bench asks: what does a question cost at 100 processes, and what at 10,000? And at 100 mounts, and at 5,000?
type Bench struct {
	dir, pidproof, empty, floor string
	plan                        plan
	tools                       []string
	among                       bool // do not try for namespaces: for tests
}

// plan is what the measuring process is told.
type plan struct {
	Dir                            string // for its files
	Daemon, Pidfile, Stale, Launch string
	Commands                       []Command
	Sizes                          []int
	Rounds                         int
	Own                            bool // it has namespaces of its own
}

// New builds what is run, in dir, and looks for the peers.
func New(dir, pidproof string) (*Bench, error) {
	version, err := host.FirstLine(pidproof, "--version")
	if err != nil {
		return nil, fmt.Errorf("%w (make builds it)", err)
	}
	b := &Bench{dir: dir, tools: []string{version}}
	if b.pidproof, err = filepath.Abs(pidproof); err != nil {
		return nil, err
	}
	b.plan.Dir = dir
	if b.plan.Daemon, err = programs.BuildDaemon(dir); err != nil {
		return nil, err
	}
	if b.plan.Launch, err = programs.BuildLaunch(dir); err != nil {
		return nil, err
	}
	if b.empty, err = programs.BuildEmpty(dir); err != nil {
		return nil, err
	}
	if b.floor, err = programs.BuildFloor(dir); err != nil {
		return nil, err
	}
	return b, nil
}

// Run measures at each size that fits. The commands take turns there, in a random order, so that whatever else the
// machine does meets them all.
func (b *Bench) Run(ctx context.Context, sizes []int, rounds int) (*Result, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	binary, err := inspect(b.pidproof)
	if err != nil {
		return nil, err
	}
	room, err := hostRoom()
	if err != nil {
		return nil, err
	}
	if err := b.choosePlace(ctx); err != nil {
		return nil, err
	}
	b.plan.Commands, b.plan.Rounds = b.commands(), rounds
	var leftOut []string
	for _, size := range sizes {
		if why := room.lacks(size); why != "" {
			leftOut = append(leftOut, fmt.Sprintf("%s processes: %s", count(size), why))
			continue
		}
		b.plan.Sizes = append(b.plan.Sizes, size)
	}
	result, err := b.measure(ctx)
	if err != nil {
		return nil, err
	}
	result.Commands, result.tools, result.binary = b.plan.Commands, b.tools, binary
	result.own = b.plan.Own
	result.LeftOut = append(leftOut, result.LeftOut...)
	return result, nil
}
