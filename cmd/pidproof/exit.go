package main

import "pidproof/matcher"

// exitCodes is the one place that knows which verdict ends with which code.
// The man page's EXIT STATUS and the README's table are held to it by a test.
var exitCodes = []struct {
	verdict matcher.Verdict
	code    int
	meaning string
}{
	{matcher.Running, 0, "the pidfile names this daemon; act on it"},
	{matcher.Dead, 1, "the pidfile is stale; nothing unclaimed runs; safe to start"},
	{matcher.NotRunning, 3, "no pidfile, nothing unclaimed runs; safe to start"},
	{matcher.Unknown, exitUnknown, "could not be decided, also usage errors; touch nothing"},
	{matcher.Unclaimed, 150, "this daemon runs outside every pidfile; left untouched, look by hand"},
}

// exitRefused is LSB's "generic or unspecified error": killproc's daemon would not
// end, what wait waits for did not come, start_daemon's could not be executed.
const exitRefused = 1

// exitUnheld: the service was stopped, and something may start it that cannot be held
// off.
const exitUnheld = 150

// exitUnknown is LSB's "status is unknown". 150 is the first code LSB reserves
// for applications (LSB 5.0, 22.2).
const exitUnknown = 4

func exitCode(v matcher.Verdict) int {
	for _, row := range exitCodes {
		if row.verdict == v {
			return row.code
		}
	}
	return exitUnknown
}
