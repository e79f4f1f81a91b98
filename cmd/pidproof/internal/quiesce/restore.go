package quiesce

import (
	"context"

	"pidproof/cmd/pidproof/internal/ask"
	"pidproof/cmd/pidproof/internal/ondemand"
	"pidproof/cmd/pidproof/internal/say"
)

// Restore starts again what a record holds off.
func Restore(c *say.Console, r ondemand.Record) (restored []string, err error) {
	// A service that runs is stopped for its sockets, which may take its time.
	ctx, cancel := context.WithTimeout(context.Background(), Limit)
	defer cancel()
	restored, restarted, err := ondemand.Restore(ctx, r)
	if restarted && err == nil {
		c.Warn("%s ran, and was started anew behind its sockets: systemd starts none of a service that runs", r.Service)
	}
	return restored, err
}

// MayBeMixed warns who starts a service that came back before: it may have been
// started in the midst of an upgrade.
func MayBeMixed(c *say.Console, a *ask.Asker, service ondemand.Service, stopped ondemand.Moment) {
	ctx, cancel := a.Deadline()
	defer cancel()
	back, err := service.CameBack(ctx, stopped)
	if err == nil && back.Came {
		c.Warn("%s came back on demand at %s, and may run a mix of old and new files: invoke-rc.d %[1]s restart",
			service.Name, back.Started.Format(say.TimeLayout))
	}
}
