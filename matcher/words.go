package matcher

import (
	"time"

	"pidproof/matcher/internal/rules"
)

// The words of the rules that an importer has to name. The other types that a Report
// speaks in are told by their methods: Exe.Known, Life.Alive, File.Outdated.
type (
	// Criteria are what Match looks for.
	Criteria = rules.Criteria
	// Daemon is the executable that an instance runs, as found on disk.
	Daemon = rules.Daemon
)

// Span is a duration in the words of a Reason.
func Span(d time.Duration) string { return rules.Span(d) }
