package rules

import (
	"fmt"
	"slices"

	"pidproof/matcher/internal/fact"
)

// Named is a process that a pidfile names, and what the rules made of it.
type Named struct {
	Evidence fact.Evidence
	Decision Decision
}

// Joins says of a process that one of a pidfile's further numbers names whether it is a
// main process beside the first, which is nil where that one does not run. What stands
// there may be no PID at all (a port), so the number proves little: it takes the file that
// the process runs, or that it is as the first one is, and a user who is not just anybody.
// NotThis: it is none. why says what was found.
func Joins(p Pidfile, first *Named, n Named) (o Outcome, why string) {
	e, d := n.Evidence, n.Decision
	onFirstLine := slices.Contains(p.Rest, e.PID)
	switch known := isRoots(e) && e.EUID == 0 || e.UID == p.Owner && e.EUID == p.Owner; {
	case d.Outcome == NotThis:
		return NotThis, d.Why
	case d.Outcome != Runs && onFirstLine: // where LSB has PIDs, and nothing else
		return Undecided, d.Why
	case d.Outcome != Runs:
		return NotThis, d.Why
	case first == nil && d.Weak:
		return NotThis, "little speaks for it, and the first number's process is over"
	case first == nil && !known && (Late(e, p) || WrittenLong(e, p)):
		return NotThis, fmt.Sprintf("it is of uid %d, did not start when the pidfile was written, and the first number's process is over", e.UID)
	case first == nil:
		return Runs, d.Why
	case !known && (e.UID != first.Evidence.UID || e.EUID != first.Evidence.EUID):
		return NotThis, fmt.Sprintf("it is of uid %d, and %d is not", e.UID, first.Evidence.PID)
	case d.Weak && !runsTheSame(e, first.Evidence):
		return NotThis, fmt.Sprintf("it does not run what %d runs", first.Evidence.PID)
	}
	return Runs, d.Why
}

// runsTheSame: where no executable was asked about, the first number's is the one that counts.
func runsTheSame(a, b fact.Evidence) bool {
	x, y := a.Exe.Value, b.Exe.Value
	return a.Exe.State == fact.Known && b.Exe.State == fact.Known && x.ID.Known() && x.ID == y.ID
}

// Claims reports that a pidfile's number may be that of a process: one of its later lines
// may be none, and speaks only for a process that started when the file was written.
func (p Pidfile) Claims(e fact.Evidence) bool {
	return !slices.Contains(p.Lines, e.PID) || !Late(e, p) && !WrittenLong(e, p)
}
