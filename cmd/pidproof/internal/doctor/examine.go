package doctor

import (
	"context"
	"time"
)

// Report is all that was found.
type Report struct {
	Findings []Finding
}

// question is asked of this host. Where it takes too long it is left behind.
type question struct {
	topic string
	ask   func(ctx context.Context, f *Finding)
}

var questions = []question{
	{"hook", hook},
	{"wrappers", wrappers},
	{"apt", apt},
	{"/proc", proc},
	{"pidfds", pidfds},
	{"scripts", scripts},
	{"settings", settingsFile},
	{"held off", heldOff},
}

// Examine asks all questions. None waits for another, and after the deadline for none.
func Examine(ctx context.Context) (r Report) {
	// Other programs get a little less, so that they are gone before we are.
	programs, cancel := context.WithTimeout(ctx, mostPatience)
	defer cancel()
	if end, has := ctx.Deadline(); has {
		programs, cancel = context.WithTimeout(programs, time.Until(end)*4/5)
		defer cancel()
	}
	answers := make([]chan Finding, len(questions))
	for i, q := range questions {
		answers[i] = make(chan Finding, 1)
		go func() {
			f := Finding{Topic: q.topic}
			q.ask(programs, &f)
			answers[i] <- f
		}()
	}
	for i, q := range questions {
		select {
		case f := <-answers[i]:
			r.Findings = append(r.Findings, f)
		case <-ctx.Done():
			r.Findings = append(r.Findings, late(q, answers[i]))
		}
	}
	return r
}

// late is the answer that came while another was waited for.
func late(q question, answer chan Finding) Finding {
	select {
	case f := <-answer:
		return f
	default:
		return Finding{Topic: q.topic, State: CannotTell, Text: "no answer in time"}
	}
}

// State is the worst of all.
func (r Report) State() State {
	state := NotHere
	for _, f := range r.Findings {
		state = worst(state, f.State)
	}
	return state
}
