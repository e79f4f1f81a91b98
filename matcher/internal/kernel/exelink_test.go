package kernel

import (
	"testing"
	"time"
)

// A file that was made, and executed at once, has not been changed since; one that was
// renamed has, though the start is known to a tick only.
func TestChangedSince(t *testing.T) {
	started := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(ms int) time.Time { return started.Add(time.Duration(ms) * time.Millisecond) }
	for name, c := range map[string]struct {
		changed, modified, read time.Time
		forked, want            bool
	}{
		"long before":                                                    {at(-1000), at(-1000), at(4), false, false},
		"made and executed in one jiffy":                                 {at(4), at(4), at(4), false, false},
		"made, and forked from what runs it":                             {at(4), at(4), at(4), true, false},
		"made, its mode set, then executed":                              {at(4), at(0), at(8), false, false},
		"renamed in the jiffy of its start":                              {at(4), at(-9000), at(4), false, true},
		"executed and renamed in a jiffy that began before its start":    {at(-3), at(-9000), at(-3), false, true},
		"renamed in the tick of its start":                               {at(8), at(-9000), at(4), false, true},
		"made just before a start that is known to be up to 20 ms later": {at(18), at(18), at(19), false, false},
		"renamed later":                                                  {at(1000), at(-9000), at(4), false, true},
		"made in the tick, renamed later":                                {at(1000), at(2), at(4), false, true},
		"no times of access are kept":                                    {at(8), at(0), at(-1000), false, false},
		"a fork, renamed in its tick":                                    {at(8), at(-9000), at(-1000), true, true},
	} {
		if got := changedSince(started, c.changed, c.modified, c.read, c.forked); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
