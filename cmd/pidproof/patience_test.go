package main

import (
	"testing"
	"time"
)

// Times of --timeout and -t: a number of seconds, or Go's notation.
func FuzzTimes(f *testing.F) {
	for _, text := range []string{"0", "10", "1.5", "500ms", ".", "..", "-1", "1e3", "9999999999999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var p patience
		var l limit
		errP, errL := p.UnmarshalText([]byte(text)), l.UnmarshalText([]byte(text))
		switch {
		case errP == nil && (p <= 0 || errL != nil || time.Duration(p) != time.Duration(l)):
			t.Errorf("%q: patience %v, limit %v (%v)", text, time.Duration(p), time.Duration(l), errL)
		case errL == nil && (l < 0 || errP != nil && l != 0):
			t.Errorf("%q: limit %v, but no patience: %v", text, time.Duration(l), errP)
		}
	})
}
