package quiesce

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"time"

	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/cmd/pidproof/internal/ondemand"
	"pidproof/cmd/pidproof/internal/record"
)

// Behind stops services for their sockets, and starts the sockets, and the services behind
// them. The exit code is 1 where that fails.
func (s Starting) Behind(blocked []ondemand.Blocked, pkg string) (code int) {
	ctx, given := untilSignal()
	limited, cancel := context.WithTimeout(ctx, Limit)
	defer cancel()
	var records []*ondemand.Record
	for _, b := range blocked {
		r, err := b.MakeWay(limited, pkg)
		if err != nil {
			s.Warn("%s: not stopped for its sockets: %v", b.Service, err)
			code = exitcode.Refused
		}
		if r != nil {
			records = append(records, r)
		}
	}
	for _, r := range records {
		restored, err := Restore(s.Console, *r)
		if err != nil {
			s.Warn("%s: not all could be restored: %v; pidproof unquiesce %[1]s tries again", r.Service, err)
			code = exitcode.Refused
			continue
		}
		sayRestarted(s.Console, r.Service)
		record.Entry{Command: s.Command, Caller: s.Caller}.Did(record.Field{Name: "service", Value: r.Service},
			record.Field{Name: "restored", Value: strings.Join(restored, " ")})
	}
	if by := given(); by != 0 {
		code = 128 + int(by)
	}
	return code
}

// Call runs the real program, as long as it takes: it has our standard input and output.
func (s Starting) Call(words []string) (code int) {
	real, err := handover.FindReal(s.Command)
	if err != nil {
		s.Warn("%v", err)
		return exitcode.Unknown
	}
	cmd := exec.Command(real, words...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, s.Stdout, s.Stderr
	cmd.WaitDelay = time.Second // what it has started may keep them
	if err := cmd.Run(); cmd.ProcessState == nil {
		s.Warn("%v", handover.NotExecuted(real, err))
		return exitcode.Unknown
	}
	return exitCodeOf(cmd.ProcessState)
}
