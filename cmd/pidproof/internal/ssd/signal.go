package ssd

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxSignal is SIGRTMAX, signal(7).
const maxSignal = 64

// ParseSignal reads a signal as `TERM`, `SIGTERM` or `15`; names are those of
// signal(7), in upper case. dpkg refuses SIG, Debian's killproc strips it: it
// cannot be misread. 0 is allowed, and sends nothing: kill(2) then only says
// whether the process may be signalled. Real-time signals have numbers only.
// An empty string is an error.
func ParseSignal(s string) (syscall.Signal, error) {
	if n, err := strconv.ParseUint(s, 10, 31); err == nil && n <= maxSignal {
		return syscall.Signal(n), nil
	}
	if signal := unix.SignalNum("SIG" + strings.TrimPrefix(s, "SIG")); signal != 0 {
		return signal, nil
	}
	return 0, fmt.Errorf("%q is no signal: write a name like TERM, or a number from 0 to %d", s, maxSignal)
}
