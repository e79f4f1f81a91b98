// Package waiting says how long tests wait for what has to happen.
package waiting

import (
	"context"
	"testing"
	"time"
)

// Limit tells a hang from a slow machine, and nothing else: what a test requires is what was done, never how long it
// took. The slowest single step is the installation of a service in a booted host, 6 s on two cores with nothing else to
// do. This is ten times what it takes where everything takes ten times as long: on a slow machine, and a busy one.
const Limit = 10 * time.Minute

// Context ends then, or with the test.
func Context(t testing.TB, then time.Time) context.Context {
	ctx, cancel := context.WithDeadline(t.Context(), then)
	t.Cleanup(cancel)
	return ctx
}

// Until asks until the answer is yes, and tells whether it was, before Limit had passed.
func Until(yes func() bool) bool { return For(Limit, yes) }

// For asks for so long. What takes long is asked for seldom, and the more seldom the more it costs to ask, such as some
// processes: what waits must not keep from running what it waits for.
func For(limit time.Duration, yes func() bool) bool {
	const (
		longest       = 50 * time.Millisecond
		longestCostly = 250 * time.Millisecond
	)
	pause := 250 * time.Microsecond
	for end := time.Now().Add(limit); ; {
		asked := time.Now()
		if yes() {
			return true
		}
		answered := time.Now()
		if answered.After(end) {
			return false
		}
		time.Sleep(max(pause, min(4*answered.Sub(asked), longestCostly)))
		pause = min(2*pause, longest)
	}
}
