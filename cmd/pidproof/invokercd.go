package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"pidproof/cmd/pidproof/internal/ask"
	"pidproof/cmd/pidproof/internal/ondemand"
	"pidproof/cmd/pidproof/internal/say"
)

type invokeRcdCmd struct {
	Words []string `arg:"" optional:"" name:"option" help:"invoke-rc.d's options; see invoke-rc.d(8)."`
}

func (invokeRcdCmd) Help() string {
	return `What scripts/invoke-rc.d calls. stop is quiesce, with --allow-on-demand likewise; start, restart and try-restart restore what that has held off, and everything is then the real invoke-rc.d's.`
}

const (
	allowOnDemand = "--allow-on-demand"
	skipNative    = "--skip-systemd-native"
)

// invocation is a command line of invoke-rc.d, as far as that reads it itself: what
// follows the action is the init script's.
type invocation struct {
	name, action  string
	query         bool
	skipNative    bool
	allowOnDemand bool
	before        bool     // it stands where only options do
	words         []string // for the real program
}

// parseInvocation reads one as invoke-rc.d does. ok is false where that complains, or
// only helps.
func parseInvocation(words []string) (call invocation, ok bool) {
	for _, word := range words {
		switch {
		case word == allowOnDemand:
			call.allowOnDemand = true
			call.before = call.before || call.action == ""
			continue
		case call.action != "":
		case word == "--query":
			call.query = true
		case word == skipNative:
			call.skipNative = true
		case slices.Contains([]string{"--quiet", "--force", "--try-anyway", "--disclose-deny", "--no-fallback"}, word):
		case word == "" || strings.HasPrefix(word, "--") || strings.ContainsAny(word, " \t\n"):
			return call, false
		case call.name == "":
			call.name = word
		default:
			call.action = word
		}
		call.words = append(call.words, word)
	}
	return call, call.action != ""
}

func (cmd invokeRcdCmd) Run(c *console) error {
	c.handOver = true
	call, ok := parseInvocation(cmd.Words)
	name, err := ondemand.ParseName(call.name)
	if !ok || call.query || err != nil || name != call.name {
		return nil
	}
	switch call.action {
	case "stop":
		return cmd.stop(c, call)
	case "start", "restart", "try-restart":
		if !call.before { // an option that the real program does not know
			cmd.restore(c, call)
		}
	}
	return nil
}

// become runs the real program with what is its own of the command line.
func (cmd invokeRcdCmd) become() error {
	call, ok := parseInvocation(cmd.Words)
	if ok && call.action == "stop" {
		return becomeReal(invokeRcName, call.words)
	}
	return becomeReal(invokeRcName, cmd.Words)
}

// exitFailed is invoke-rc.d's "subsystem error".
func (invokeRcdCmd) exitFailed() int { return 102 }

// stop hands over where there is nothing to hold off, and where invoke-rc.d would do
// nothing.
func (cmd invokeRcdCmd) stop(c *console, call invocation) error {
	service, err := c.lookUp(call.name)
	switch {
	case errors.Is(err, ondemand.ErrUnknown), errors.Is(err, ondemand.ErrRefused):
		return nil // the real program has the words for it
	case err != nil:
		c.handOver = false
		return err
	}
	holdable, others := service.Active()
	ctx, cancel := c.Deadline()
	defer cancel()
	// Of a run that was interrupted; what is wrong with a record is said where it counts.
	held, err := ondemand.Held(ctx, call.name)
	if err != nil && !errors.Is(err, ondemand.ErrDamaged) {
		c.handOver = false
		return err
	}
	nothing := len(holdable)+len(others) == 0 && held == nil
	if nothing || call.leavesToSystemd(service) {
		return nil
	}
	would, err := askReal(call.words)
	if err != nil {
		c.handOver = false
		return fmt.Errorf("%s: not stopped: %w", call.name, err)
	}
	switch would {
	case itHangs:
		c.handOver = false
		return fmt.Errorf("%s: not stopped: policy-rc.d does not answer: %w", call.name, ondemand.ErrNoAnswer)
	case itRefuses, itStays:
		return nil
	}
	c.handOver = false
	q := quiescing{c, service, call.words, call.allowOnDemand, restartLimit}
	c.exit = q.run()
	return nil
}

// leavesToSystemd: with that option, invoke-rc.d does nothing to a native unit.
func (call invocation) leavesToSystemd(service ondemand.Service) bool {
	return call.skipNative && service.Unit != nil && service.Unit.Native()
}

// restore gives back what was held off; the real program is called whatever happens.
func (cmd invokeRcdCmd) restore(c *console, call invocation) {
	ctx, cancel := c.Deadline()
	defer cancel()
	record, err := ondemand.Held(ctx, call.name)
	if err != nil {
		c.Warn("%v", err)
	}
	if record == nil {
		return
	}
	service, err := c.lookUp(call.name)
	if err != nil && !errors.Is(err, ondemand.ErrUnknown) {
		c.Warn("%s: what was held off is not restored: %v", call.name, err)
		return
	}
	masked := service.Unit != nil && service.Unit.Load == "masked" // invoke-rc.d passes it over
	// Not so with --skip-systemd-native: stop may have come without it, and who starts the
	// unit then is deb-systemd-invoke.
	would, err := askReal(call.words)
	if err != nil {
		c.Warn("%s: what was held off is not restored: %v", call.name, err)
		return
	}
	if masked || would == itRefuses {
		return
	}
	if record.OnDemand != 0 {
		if call.action == "start" {
			c.mayBeMixed(service, record.OnDemand)
		}
		if len(record.Units) == 0 && !record.Inetd {
			if err := record.Forget(); err != nil {
				c.Warn("%v", err)
			}
			return
		}
	}
	if _, err := c.restore(*record); err != nil {
		c.Warn("%s: not all could be restored: %v; pidproof unquiesce %[1]s tries again", call.name, err)
	}
}

// mayBeMixed warns who starts a service that came back before: it may have been
// started in the midst of an upgrade.
func (c *console) mayBeMixed(service ondemand.Service, stopped ondemand.Moment) {
	ctx, cancel := c.Deadline()
	defer cancel()
	back, err := service.CameBack(ctx, stopped)
	if err == nil && back.Came {
		c.Warn("%s came back on demand at %s, and may run a mix of old and new files: invoke-rc.d %[1]s restart",
			service.Name, back.Started.Format(say.TimeLayout))
	}
}

// invokeRcQuery asks an invoke-rc.d, and so policy-rc.d, what it would do: its exit
// code, and what it said. --query, invoke-rc.d(8), names policy-rc.d, or that there is
// no such script; of a missing start link it says nothing. err: it could not be executed.
func invokeRcQuery(program string, words []string) (code int, said string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), ask.DefaultTimeout)
	defer cancel()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program, append([]string{"--query"}, words...)...)
	cmd.Stderr = &stderr
	cmd.WaitDelay = time.Second // policy-rc.d may leave something behind that keeps it
	if err := cmd.Run(); cmd.ProcessState == nil {
		return invokeRcUnknown, "", err
	}
	return cmd.ProcessState.ExitCode(), stderr.String(), nil // 100 to 106, invoke-rc.d(8)
}

// Of invoke-rc.d(8)'s --query.
const (
	invokeRcUnknown   = 100
	invokeRcForbidden = 101
	invokeRcAllowed   = 104
	invokeRcUndecided = 105
)

func forbids(code int) bool { return code == invokeRcForbidden }

// reply is what the real invoke-rc.d says that it would do.
type reply int

const (
	itRefuses reply = iota // policy-rc.d denies it, or wants something else; or it is no good question
	itStays                // nobody denies it, but it is not enabled: it would not be started
	itDoes
	itHangs // it was ended, after some time
)

// askReal asks the real invoke-rc.d. An error says that it could not be asked.
func askReal(words []string) (reply, error) {
	real, err := findReal(invokeRcName)
	if err != nil {
		return itRefuses, err
	}
	loud := slices.DeleteFunc(slices.Clone(words), func(word string) bool { return word == "--quiet" })
	code, said, err := invokeRcQuery(real, loud)
	switch {
	case err != nil:
		return itRefuses, notExecuted(real, err)
	case code < 0:
		return itHangs, nil
	case code == invokeRcAllowed, code == invokeRcUndecided:
		return itDoes, nil
	case forbids(code) && !strings.Contains(said, "policy-rc.d"):
		return itStays, nil
	}
	return itRefuses, nil
}
