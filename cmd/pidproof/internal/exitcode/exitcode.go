// Package exitcode says which verdict ends with which exit code, and what the other
// codes mean. It only says so: who exits is main.
package exitcode

import "pidproof/matcher"

// Table is the one place that knows which verdict ends with which code.
// The man page's EXIT STATUS and the README's table are held to it by a test.
var Table = []struct {
	Verdict matcher.Verdict
	Code    int
	Meaning string
}{
	{matcher.Running, 0, "the pidfile names this daemon; act on it"},
	{matcher.Dead, 1, "the pidfile is stale; nothing unclaimed runs; safe to start"},
	{matcher.NotRunning, 3, "no pidfile, nothing unclaimed runs; safe to start"},
	{matcher.Unknown, Unknown, "could not be decided, also usage errors; touch nothing"},
	{matcher.Unclaimed, 150, "this daemon runs outside every pidfile; left untouched, look by hand"},
}

// Refused is LSB's "generic or unspecified error": killproc's daemon would not
// end, what wait waits for did not come, start_daemon's could not be executed.
const Refused = 1

// Unheld: the service was stopped, and something may start it that cannot be held
// off.
const Unheld = 150

// Unknown is LSB's "status is unknown". 150 is the first code LSB reserves
// for applications (LSB 5.0, 22.2).
const Unknown = 4

// Of is that of a verdict.
func Of(v matcher.Verdict) int {
	for _, row := range Table {
		if row.Verdict == v {
			return row.Code
		}
	}
	return Unknown
}
