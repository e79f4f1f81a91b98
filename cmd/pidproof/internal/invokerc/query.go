package invokerc

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"pidproof/cmd/pidproof/internal/ask"
	"pidproof/cmd/pidproof/internal/handover"
)

// questions are what invoke-rc.d asks others before it answers: policy-rc.d, and systemctl two or three times.
const questions = 3

// Query asks an invoke-rc.d, and so policy-rc.d, what it would do: its exit
// code, and what it complained of. --query, invoke-rc.d(8), names policy-rc.d, or that there is
// no such script; of a missing start link it says nothing. err: it could not be executed.
func Query(program string, words []string) (code int, complaint string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), questions*ask.DefaultTimeout)
	defer cancel()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program, append([]string{"--query"}, words...)...)
	cmd.Stderr = &stderr
	cmd.WaitDelay = time.Second // policy-rc.d may leave something behind that keeps it
	if err := cmd.Run(); cmd.ProcessState == nil {
		return unknown, "", err
	}
	return cmd.ProcessState.ExitCode(), stderr.String(), nil // 100 to 106, invoke-rc.d(8)
}

// Of invoke-rc.d(8)'s --query.
const (
	unknown   = 100
	forbidden = 101
	allowed   = 104
	undecided = 105
)

// Forbids reports that it would do nothing: somebody denies it, or it is not enabled.
func Forbids(code int) bool { return code == forbidden }

// Complaint reads what an invoke-rc.d complained of that forbids something: whether
// policy-rc.d denies it, and else the first line that says why. That there is no runlevel,
// as in a container, it says first and minds not (#823611).
func Complaint(text string) (denied bool, why string) {
	for line := range strings.Lines(text) {
		switch line = strings.TrimSpace(line); {
		case strings.Contains(line, "policy-rc.d"):
			return true, line
		case why == "" && !strings.HasSuffix(line, "could not determine current runlevel"):
			why = line
		}
	}
	return false, why
}

// ErrHangs is wrapped where policy-rc.d does not answer.
var ErrHangs = errors.New("policy-rc.d does not answer")

// Elsewhere reports that dpkg installs into another root, whose services nobody runs.
func Elsewhere() bool { return os.Getenv("DPKG_ROOT") != "" }

// Answer is what the real invoke-rc.d says that it would do.
type Answer int

const (
	Refuses    Answer = iota // policy-rc.d denies it, or wants something else; or it is no good question
	NotEnabled               // nobody denies it, but it is not enabled: it would not be started
	Does
	Hangs // it was ended, after some time
)

// Ask asks the real invoke-rc.d. An error says that it could not be asked.
func Ask(words []string) (Answer, error) {
	real, err := handover.FindReal(handover.InvokeRC)
	if err != nil {
		return Refuses, err
	}
	loud := slices.DeleteFunc(slices.Clone(words), func(word string) bool { return word == "--quiet" })
	code, complaint, err := Query(real, loud)
	switch {
	case err != nil:
		return Refuses, handover.NotExecuted(real, err)
	case code < 0:
		return Hangs, nil
	case code == allowed, code == undecided:
		return Does, nil
	}
	if denied, _ := Complaint(complaint); Forbids(code) && !denied {
		return NotEnabled, nil
	}
	return Refuses, nil
}
