package ssd

// Exit codes of start-stop-daemon(8).
const (
	Done        = 0
	NothingDone = 1
	StillRuns   = 2
	Trouble     = 3
)

// ExitNothingDone is for a --stop that found nobody, or a --start that found somebody.
func ExitNothingDone(o Options) int {
	if o.OKNoDo {
		return Done
	}
	return NothingDone
}
