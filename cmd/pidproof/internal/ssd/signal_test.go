package ssd

import (
	"syscall"
	"testing"
)

func TestParseSignal(t *testing.T) {
	for s, want := range map[string]syscall.Signal{
		"TERM": 15, "SIGTERM": 15, "15": 15, "KILL": 9, "USR2": syscall.SIGUSR2, "BUS": syscall.SIGBUS,
		"0": 0, "1": 1, "64": 64, "037": 37,
	} {
		if got, err := ParseSignal(s); got != want || err != nil {
			t.Errorf("%s: %d, %v", s, got, err)
		}
	}
	for _, s := range []string{
		"", "SIG", "term", "Term", "sigterm", "SIGSIGTERM", "-TERM", "-15", "+15", " 15", "15 ", "0xf", "1.", "65",
		"999999999999999999999", "18446744073709551631", "RTMIN", "SIG15", "TERM\n", "\x00",
	} {
		if got, err := ParseSignal(s); err == nil {
			t.Errorf("%q is read as %d", s, got)
		}
	}
}
