package matcher

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
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
	pids, err, inTime := within(ctx, func() ([]int, error) { return h.find(program, f) })
	if !inTime {
		return nil, fmt.Errorf("%w: no answer in time while %s", ErrNoAnswer, h.lastStep())
	}
	return pids, err
}

func (h *host) find(program string, f Finding) ([]int, error) {
	if err := h.open(); err != nil {
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
	pids := make([]int, 0, len(found))
	for pid := range found {
		if f.SameRoot && fileID(fmt.Sprintf("%s/%d/root", h.proc, pid)) != h.self.root {
			continue
		}
		pids = append(pids, pid)
	}
	slices.Sort(pids)
	slices.Reverse(pids)
	return pids, nil
}

func (h *host) findByFile(path string, f Finding, found map[int]bool) error {
	d, err := h.findDaemon(path)
	if errors.Is(err, ErrDaemon) {
		return nil // a directory runs nowhere
	}
	if err != nil {
		return err
	}
	if !f.Scripts {
		d.Script = nil
	}
	s, err := h.scan(d, Criteria{})
	s.release()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	for _, p := range s.found {
		if p.Decision.Outcome == Runs || p.Decision.Outcome == Plausible {
			found[p.Evidence.PID] = true
		}
	}
	return nil
}

func (h *host) findByName(program string, f Finding, found map[int]bool) error {
	everybody, err := h.among(func(int) bool { return true })
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	for _, pid := range everybody.pids {
		stat, err := h.readStat(pid)
		if err != nil || (stat.State == "Z" || stat.State == "X") && !f.Zombies {
			continue
		}
		argv := h.readArgv(pid)
		if !calls(program, stat.Comm, argv.Value, f.Scripts) {
			continue
		}
		if status, err := h.readStatus(pid); err == nil && status.Namespaces > 1 {
			continue
		}
		found[pid] = true
	}
	return nil
}

// calls reports that a process goes by the name program, by the rules of
// sysvinit's pidof: `foo` and `/bin/foo` match each other, `/bin/foo` and
// `/sbin/foo` do not.
func calls(program, comm string, argv []string, scripts bool) bool {
	base := filepath.Base(program)
	same := func(word string) bool {
		return word != "" && program != "" && (word == program || word == base || filepath.Base(word) == program)
	}
	byPath := filepath.IsAbs(program)
	if !byPath && same(argv0(argv)) {
		return true
	}
	if scripts {
		for _, script := range scriptArguments(argv) {
			if bears(comm, filepath.Base(script)) && same(script) {
				return true
			}
		}
	}
	if byPath {
		return false
	}
	// No argv (kernel threads, zombies), a title (`nginx: master process`) or a
	// login shell (`-bash`): what is left is the kernel's name for it.
	title := argv0(argv)
	return program != "" && (title == "" || strings.Contains(title, " ") || title[0] == '-' && len(argv) == 1) && bears(comm, base)
}
