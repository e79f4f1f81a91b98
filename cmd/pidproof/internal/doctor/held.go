package doctor

import (
	"context"

	"pidproof/cmd/pidproof/internal/ondemand"
	"pidproof/cmd/pidproof/internal/say"
)

// heldOff names the services that were stopped, and that nothing may start before somebody does.
func heldOff(_ context.Context, f *Finding) {
	held, err := ondemand.StillHeld()
	if err != nil {
		f.failed(err)
	}
	for _, service := range held {
		f.add(ToDo, "what could start "+service+" is held off since it was stopped", say.Command("invoke-rc.d", service, "start"))
	}
	if len(held) == 0 && err == nil {
		f.add(Well, "nothing")
	}
}
