package systemdinvoke

import (
	"context"
	"fmt"
	"os/exec"
	"time"

	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/cmd/pidproof/internal/invokerc"
)

// policyHelper may deny what maintainer scripts ask for; deb-systemd-invoke asks it about
// each unit, and so do we before, with the same words.
const policyHelper = "/usr/sbin/policy-rc.d"

// denied is its answer that nothing is to be done; to any other the program goes on.
const denied = 101

// Denied reports that policy-rc.d forbids the call: for one unit, it is for all. What systemctl
// takes for an option is a unit here, too.
func (call Invocation) Denied(ctx context.Context) (bool, error) {
	if its, err := handover.IsProgram(policyHelper); err != nil || !its {
		return false, err
	}
	for _, asked := range call.asked {
		unit, action := asked[0], asked[1]
		// A shell, because the program has one: it takes a backslash of the name.
		cmd := exec.CommandContext(ctx, "/bin/sh", "-c", policyHelper+" "+unit+` "`+action+`"`)
		cmd.WaitDelay = time.Second
		err := cmd.Run()
		switch {
		case ctx.Err() != nil:
			return false, fmt.Errorf("%s %s %s: %w", policyHelper, unit, action, invokerc.ErrHangs)
		case cmd.ProcessState == nil:
			return false, handover.NotExecuted("/bin/sh", err)
		case cmd.ProcessState.ExitCode() == denied:
			return true, nil
		}
	}
	return false, nil
}
