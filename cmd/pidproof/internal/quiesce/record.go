package quiesce

import (
	"strconv"
	"strings"

	"pidproof/cmd/pidproof/internal/record"
	"pidproof/cmd/pidproof/internal/say"
)

// record has the log keep how a service was stopped, and what was to be held off.
func (q Quiescing) record(code int) {
	fields := []record.Field{{Name: "service", Value: q.Service.Name}, {Name: "exit", Value: strconv.Itoa(code)}}
	if u := q.Service.Unit; u != nil && u.MainPID > 0 {
		fields = append(fields, record.Field{Name: "pid", Value: strconv.Itoa(u.MainPID)},
			record.Field{Name: "started", Value: u.Started.Time().Format(say.TimeLayout)})
	}
	var held []string
	for _, t := range q.Service.Triggers {
		if t.HeldOff() || t.Active && !q.OnDemand {
			held = append(held, t.Name)
		}
	}
	if len(held) > 0 {
		fields = append(fields, record.Field{Name: "held_off", Value: strings.Join(held, " ")})
	}
	record.Entry{Command: q.Command, Caller: q.Caller}.Did(fields...)
}
