package matcher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
)

// Finding says how Find looks for a program, after the options of pidof(8).
type Finding struct {
	Scripts  bool // -x: also what interprets a script of that name
	Zombies  bool // -z: also processes that have ended
	SameRoot bool // -c: only those with our root directory
}

// ErrNoAnswer is wrapped by errors that mean "could not be found out".
var ErrNoAnswer = errors.New("cannot tell")

// Find lists the processes that run program, newest PID first, as sysvinit's
// pidof does. A path is matched by the rules of this package, so that
// processes of a replaced binary and of its successor are found together; a
// bare name by what the processes call themselves, which is no proof of
// anything. Processes of other PID namespaces and mount trees are left out.
func Find(ctx context.Context, program string, f Finding) ([]int, error) {
	h := thisHost()
	pids, err, inTime := kernel.Within(ctx, h.System, func() ([]int, error) { return h.find(program, f) })
	if !inTime {
		return nil, fmt.Errorf("%w: no answer in time while %s", ErrNoAnswer, h.LastStep())
	}
	return pids, err
}

func (h *host) find(program string, f Finding) ([]int, error) {
	if err := h.Open(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	found := map[int]bool{}
	if filepath.IsAbs(program) {
		if err := h.findByFile(program, f, found); err != nil {
			return nil, err
		}
	}
	// A path names scripts only with -x; what is no absolute path is a name.
	if !filepath.IsAbs(program) || f.Scripts {
		if err := h.findByName(program, f, found); err != nil {
			return nil, err
		}
	}
	if len(found) == 0 {
		if hides, err := h.HidesProcesses(); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoAnswer, err)
		} else if hides {
			return nil, fmt.Errorf("%w: %s", ErrNoAnswer, hidden)
		}
	}
	pids := slices.Collect(maps.Keys(found))
	if f.SameRoot {
		var err error
		if pids, err = h.ofOurRoot(pids); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoAnswer, err)
		}
	}
	slices.Sort(pids)
	slices.Reverse(pids)
	return pids, nil
}

// ofOurRoot are those with our root directory. One that root may not see, as without
// CAP_SYS_PTRACE, is none of them, but where there is no other, nobody knows.
func (h *host) ofOurRoot(pids []int) (ours []int, err error) {
	var untold error
	for _, pid := range pids {
		root := h.RootOf(pid)
		switch {
		case fact.Unforeseen(root.Err) != nil:
			return nil, root.Err
		case kernel.Same(root, h.Self.Root):
			ours = append(ours, pid)
		case root.State == fact.Unreadable && untold == nil:
			untold = fmt.Errorf("whether %d has our root directory cannot be read (%s)", pid, fact.Plain(root.Err))
		}
	}
	if len(ours) > 0 {
		untold = nil
	}
	return ours, untold
}

func (h *host) findByFile(path string, f Finding, found map[int]bool) error {
	d, err := h.findDaemon(path)
	if errors.Is(err, ErrDaemon) {
		return nil // a directory runs nowhere
	}
	if err != nil {
		return err
	}
	// What only bears the name of a script is one of its interpreters.
	named := d.Script == nil || f.Scripts
	if d.Script != nil && !d.Script.Program && !f.Scripts {
		d.Script = nil
	}
	if err := h.Unforeseen(d.File.Err); err != nil {
		return fmt.Errorf("%w: %s cannot be read: %w", ErrNoAnswer, path, err)
	}
	s, err := h.scan(d, rules.Criteria{}, false)
	s.release()
	if err := cmp.Or(err, s.failure); err != nil {
		return fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	self, err := h.hold(rules.Question{Daemon: d}, os.Getpid()) // the scan leaves us out
	self.Release()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	for _, p := range append(s.found, &self) {
		if p.Decision.Outcome == rules.Runs || p.Decision.Outcome == rules.Plausible && named {
			found[p.Evidence.PID] = true
		}
	}
	if f.Scripts && len(found) == 0 && d.Unread != nil {
		return fmt.Errorf("%w: %s", ErrNoAnswer, d.WhyUnread())
	}
	return nil
}

// nothing are the arguments of who does not say what he calls himself.
func nothing(int) fact.Fact[[]string] { return fact.Of([]string(nil)) }

func (h *host) findByName(program string, f Finding, found map[int]bool) error {
	calls := func(pid int) (bool, error) {
		if h.Silent(pid) {
			return h.goesByName(program, f, pid, nothing)
		}
		return h.goesByName(program, f, pid, h.ReadArgvOnce)
	}
	before := maps.Clone(found) // for whoever comes back late from a look
	others, err := h.Among(func(_, pid int) (bool, error) {
		if before[pid] {
			return false, nil
		}
		return calls(pid)
	})
	self := os.Getpid()
	us, selfErr := calls(self)
	if err := cmp.Or(err, selfErr); err != nil {
		return fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	for _, pid := range others.Stuck { // who does not say what he calls himself has the name that the kernel gave him
		if is, err := h.goesByName(program, f, pid, nothing); err != nil {
			return fmt.Errorf("%w: %w", ErrNoAnswer, err)
		} else if is {
			found[pid] = true
		}
	}
	for _, pid := range others.Pids {
		found[pid] = true
	}
	if us {
		found[self] = true
	}
	return nil
}

// goesByName reads the least that tells: there may be thousands.
func (h *host) goesByName(program string, f Finding, pid int, readArgv func(int) fact.Fact[[]string]) (bool, error) {
	byPath := filepath.IsAbs(program)
	if byPath { // a script's, whose name the kernel has
		stat, err := h.ReadStat(pid)
		if err != nil || !rules.Bears(stat.Comm, rules.LastPart(program)) {
			return false, h.Unforeseen(err)
		}
	}
	argv := readArgv(pid)
	var stat kernel.Stat
	var err error
	if argv.State == fact.Known && argv.Value == nil { // unless it is a kernel thread or a zombie, it may have some in a moment
		stat, err = h.ReadStat(pid)
		if err == nil && !kernel.HasEnded(stat) && stat.Flags&kernel.KernelThread == 0 && !h.Silent(pid) {
			if argv = h.ReadArgvNow(pid); errors.Is(argv.Err, fact.ErrThreads) { // as who is stuck
				argv = nothing(pid)
			}
		}
	}
	said := rules.WhatItCalls(program, argv.Value, f.Scripts)
	if said == (rules.Calling{}) && stat.State == "Z" { // sysvinit's sees no arguments of it
		said = rules.WhatItCalls(program, nil, f.Scripts)
	}
	if said == (rules.Calling{}) || h.Unforeseen(argv.Err) != nil {
		return false, h.Unforeseen(argv.Err)
	}
	if stat.State == "" {
		stat, err = h.ReadStat(pid)
	}
	if err != nil || kernel.HasEnded(stat) && !f.Zombies || !said.Agrees(stat.Comm) {
		return false, h.Unforeseen(err)
	}
	if status, err := h.ReadStatus(pid); err != nil || status.Namespaces > 1 {
		return err != nil && h.Unforeseen(err) == nil, h.Unforeseen(err)
	}
	if !byPath {
		return true, nil
	}
	// Seen from another root directory, the path is another file's.
	root := h.RootOf(pid)
	return root.State != fact.Known || kernel.Same(root, h.Self.Root), fact.Unforeseen(root.Err)
}
