package record

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"pidproof/cmd/pidproof/internal/say"
	"pidproof/matcher"
)

// Entry says who does something, for whom.
type Entry struct {
	Command string // pidproof's
	Caller  int    // the PID of who called it; 0: our parent
	Pidfile string // "": none
}

// Field is a name and a value; one that others choose is quoted.
type Field struct{ Name, Value string }

// Signalled records a signal that was sent; 0 is none.
func (e Entry) Signalled(p *matcher.Process, signal syscall.Signal) {
	if signal != 0 {
		e.Did(append([]Field{{"signal", SignalName(signal)}}, Process(p)...)...)
	}
}

// SignalName is what kill(1) calls a signal, or its number.
func SignalName(signal syscall.Signal) string {
	if name := unix.SignalName(signal); name != "" {
		return strings.TrimPrefix(name, "SIG")
	}
	return strconv.Itoa(int(signal))
}

// Process are the fields of a process: what it is by now, and by which rule.
func Process(p *matcher.Process) []Field {
	e := p.Evidence
	fields := []Field{{"pid", strconv.Itoa(e.PID)}}
	if !e.Started.IsZero() {
		fields = append(fields, Field{"started", e.Started.Format(say.TimeLayout)})
	}
	fields = append(fields, Field{"ticks", strconv.FormatUint(e.StartTicks, 10)}, Field{"uid", strconv.Itoa(e.UID)})
	if e.Exe.Known() {
		fields = append(fields, Field{"exe", e.Exe.Value.Link})
	} else {
		fields = append(fields, Field{"name", e.Comm})
	}
	return append(fields, Field{"rule", string(p.Decision.Rule)})
}

// Did records something that was done.
func (e Entry) Did(what ...Field) {
	if e.Pidfile != "" {
		what = append(what, Field{"pidfile", e.Pidfile})
	}
	caller := e.Caller
	if caller == 0 {
		caller = os.Getppid()
	}
	what = append(what, Field{"caller", strconv.Itoa(caller)})
	// At most 64 bytes: proc_pid_comm(5). That it could not be read changes nothing.
	if comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", caller)); err == nil {
		what = append(what, Field{"caller_name", strings.TrimSuffix(string(comm), "\n")})
	}
	what = append(what, Field{"caller_uid", strconv.Itoa(os.Getuid())})
	words := make([]string, len(what))
	for i, f := range what {
		words[i] = f.Name + "=" + value(f.Value)
	}
	send(e.Command + ": " + strings.Join(words, " "))
}

// value quotes what is more than a plain word, so that nobody's name is taken for
// another field, nor moves a cursor where the log is read.
func value(s string) string {
	if len(s) > valueLimit {
		s = s[:valueLimit] + "..."
	}
	plain := s != ""
	for _, r := range s {
		plain = plain && (r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("/._-+", r))
	}
	if plain {
		return s
	}
	return strconv.Quote(s)
}

// valueLimit bounds a name: a path may have 4096 bytes, each four when it is escaped.
const valueLimit = 256
