package quiesce

import (
	"context"
	"errors"
	"strings"

	"pidproof/cmd/pidproof/internal/ask"
	"pidproof/cmd/pidproof/internal/ondemand"
	"pidproof/cmd/pidproof/internal/record"
	"pidproof/cmd/pidproof/internal/say"
)

// Restore starts again what a record holds off.
func Restore(c *say.Console, r ondemand.Record) (restored []string, err error) {
	// A service that runs is stopped for its sockets, which may take its time.
	ctx, cancel := context.WithTimeout(context.Background(), Limit)
	defer cancel()
	restored, restarted, err := ondemand.Restore(ctx, r)
	if restarted && err == nil {
		sayRestarted(c, r.Service)
	}
	return restored, err
}

func sayRestarted(c *say.Console, service string) {
	c.Warn("%s ran, and was started anew behind its sockets: systemd starts none of a service that runs", service)
}

// Starting is a call that starts services through one of Debian's programs, whatever
// stopped them.
type Starting struct {
	*say.Console
	*ask.Asker
	Command string // pidproof's
	Start   bool   // not restart, which ends what came back meanwhile
}

// Restore gives back what is held off of a service, under any of its names, and says why
// not: the program is called whatever happens.
func (s Starting) Restore(name string) {
	ctx, cancel := s.Questions()
	defer cancel()
	r, err := ondemand.Held(ctx, name)
	if err != nil {
		s.Warn("%v", err)
	}
	if r == nil {
		return
	}
	service, err := LookUp(s.Asker, name)
	if err != nil && !errors.Is(err, ondemand.ErrUnknown) {
		s.NotRestored(name, []string{r.Service + ".service"}, err)
		return
	}
	if service.Unit != nil && service.Unit.Load == "masked" { // Debian's programs pass it over
		return
	}
	if r.OnDemand != 0 {
		if s.Start {
			s.mayBeMixed(service, r.OnDemand)
		}
		if len(r.What()) == 0 {
			if err := r.Forget(); err != nil {
				s.Warn("%v", err)
			}
			return
		}
	}
	restored, err := Restore(s.Console, *r)
	if err != nil {
		err = errors.Join(err, ondemand.LetStart([]string{r.Service + ".service"}))
		s.Warn("%s: not all could be restored: %v; pidproof unquiesce %[1]s tries again", name, err)
	}
	if len(restored) > 0 {
		record.Entry{Command: s.Command, Caller: s.Caller}.Did(record.Field{Name: "service", Value: r.Service},
			record.Field{Name: "restored", Value: strings.Join(restored, " ")})
	}
}

// NotRestored says why, and lets the real program start the units nevertheless: where it is to
// start them, it must not be refused for what is held off.
func (s Starting) NotRestored(name string, units []string, why error) {
	s.Warn("%s: what was held off is not restored: %v", name, errors.Join(why, ondemand.LetStart(units)))
}

// mayBeMixed warns who starts a service that came back before: it may have been
// started in the midst of an upgrade.
func (s Starting) mayBeMixed(service ondemand.Service, stopped ondemand.Moment) {
	ctx, cancel := s.Questions()
	defer cancel()
	back, err := service.CameBack(ctx, stopped)
	if err == nil && back.Came {
		s.Warn("%s came back on demand at %s, and may run a mix of old and new files: invoke-rc.d %[1]s restart",
			service.Name, back.Started.Format(say.TimeLayout))
	}
}
