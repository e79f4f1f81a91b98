package quiesce

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"pidproof/cmd/pidproof/internal/ondemand"
	"pidproof/cmd/pidproof/internal/shellvars"
)

// Done says how things are with the first service, for a person: also what was held off
// before, by whomever.
func (q Quiescing) Done() string { return q.done(&stopping{Service: &q.Services[0]}) }

func (q Quiescing) done(s *stopping) string {
	name, later, held, mayStart := s.Name, until(s), strings.Join(q.heldOff(s), " "), strings.Join(q.armed(s), " ")
	switch {
	case held+mayStart == "":
		return name + " is stopped; nothing can start it on demand"
	case held == "":
		return fmt.Sprintf("%s was stopped, and may be started again by: %s", name, mayStart)
	case mayStart == "":
		return fmt.Sprintf("%s is stopped; held off until %s: %s", name, later, held)
	}
	return fmt.Sprintf("%s was stopped, and may be started again by: %s; held off until %s: %s", name, mayStart, later, held)
}

// until says what gives back what is held off.
func until(s *stopping) string {
	until := fmt.Sprintf("\"invoke-rc.d %[1]s start\" or \"pidproof unquiesce %[1]s\"", shellvars.Quote(s.Name))
	if packages := s.HeldFor(); len(packages) > 0 {
		until += ", or until dpkg has done with " + strings.Join(packages, " ")
	}
	return until
}

// triggers says which of them may start the service, and which are held off; "" where none
// can.
func (q Quiescing) triggers(s *stopping) string {
	var parts []string
	if armed := q.armed(s); len(armed) > 0 {
		parts = append(parts, "may be started again by: "+strings.Join(armed, " "))
	}
	if held := q.heldOff(s); len(held) > 0 {
		parts = append(parts, fmt.Sprintf("held off until %s: %s", until(s), strings.Join(held, " ")))
	}
	if s.unheld != nil {
		parts = append(parts, fmt.Sprintf("not held off: %v", s.unheld))
	}
	return strings.Join(parts, "; ")
}

// heldOff are the triggers that this run, or one before, holds off.
func (q Quiescing) heldOff(s *stopping) (names []string) {
	for _, t := range s.Triggers {
		if t.HeldOff() || t.Active && t.Holdable && !q.OnDemand && s.unheld == nil {
			names = append(names, t.Name)
		}
	}
	slices.Sort(names)
	return names
}

// armed are those that may start the service again.
func (q Quiescing) armed(s *stopping) (names []string) {
	for _, t := range s.Triggers {
		if !t.HeldOff() && t.Active && (!t.Holdable || q.OnDemand || s.unheld != nil) {
			names = append(names, t.Name)
		}
	}
	return names
}

// sayStopped is one line: what was held off, so that a changed inetd.conf is no surprise,
// and what was not.
func (q Quiescing) sayStopped(s *stopping) {
	switch {
	case s.unheld != nil:
		q.Warn("%s; not held off: %v", q.done(s), s.unheld)
	case q.triggers(s) != "":
		q.Warn("%s", q.done(s))
	}
}

// sayUnseen says what is left to give back where nobody looked whether the service is
// stopped. The record was written before anything was held off.
func (q Quiescing) sayUnseen(s *stopping, because string) {
	ctx, cancel := context.WithTimeout(context.Background(), q.patience())
	defer cancel()
	record, err := ondemand.Held(ctx, s.Name)
	held := record.What()
	switch {
	case err != nil:
		q.Warn("%s: %s: whether something is held off cannot be told: %v; see pidproof triggers %[1]s", s.Name, because, err)
	case len(held) == 0:
		q.Warn("%s: %s: whether it is stopped was not looked at; nothing is held off", s.Name, because)
	default:
		q.Warn("%s: %s: whether it is stopped was not looked at; held off until %s: %s", s.Name, because, until(s), strings.Join(held, " "))
	}
}
