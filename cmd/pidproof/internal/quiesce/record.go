package quiesce

import (
	"strconv"
	"strings"

	"pidproof/cmd/pidproof/internal/record"
	"pidproof/cmd/pidproof/internal/say"
)

// record has the log keep how a service was stopped, what was held off, and what was not.
func (q Quiescing) record(s *stopping) {
	fields := []record.Field{{Name: "service", Value: s.Name}, {Name: "exit", Value: strconv.Itoa(s.code)}}
	if u := s.Unit; u != nil && u.MainPID > 0 {
		fields = append(fields, record.Field{Name: "pid", Value: strconv.Itoa(u.MainPID)},
			record.Field{Name: "started", Value: u.Started.Time().Format(say.TimeLayout)})
	}
	if held := q.heldOff(s); len(held) > 0 {
		fields = append(fields, record.Field{Name: "held_off", Value: strings.Join(held, " ")})
	}
	if armed := q.armed(s); len(armed) > 0 {
		fields = append(fields, record.Field{Name: "not_held_off", Value: strings.Join(armed, " ")})
	}
	record.Entry{Command: q.Command, Caller: q.Caller}.Did(fields...)
}
