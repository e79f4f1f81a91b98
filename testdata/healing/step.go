package healing

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"pidproof/testdata/bench/report"
)

// State is what a script meets.
type State string

// The states of a daemon.
const (
	Stopped  State = "stopped"
	Running  State = "running"
	Replaced State = "running, its file replaced"
	Dead     State = "stopped, the pidfile names nobody"
	Stale    State = "stopped, the pidfile names an innocent"
	Beside   State = "stopped, beside another instance"
	Both     State = "running, beside another instance"
)

// Runs reports that the daemon runs in that state.
func (s State) Runs() bool { return s == Running || s == Replaced || s == Both }

// Step is one call of a script, and what came of it.
type Step struct {
	State   State
	Action  string
	Code    int    // the script's exit status
	Said    string `json:",omitempty"`
	Mains   int    // main processes after it
	Same    bool   `json:",omitempty"` // among them is the one of before
	Signals string `json:",omitempty"` // what the main process of before was sent meanwhile
	Slept   int    `json:",omitempty"` // seconds
	Wrong   string `json:",omitempty"` // what is wrong, in words
	Hit     string `json:",omitempty"` // what was done to an innocent process
}

// Result is what has to be the same on both sides.
func (s Step) Result() string {
	code := min(s.Code, 1) // which of kill's codes, no script cares
	if s.Action == "status" {
		code = s.Code
	}
	if !s.Same { // which signal it ended by, strace has not seen for certain
		return fmt.Sprintf("exit %d, %d main processes, none the same", code, s.Mains)
	}
	return fmt.Sprintf("exit %d, %d main processes, the same, signals %q", code, s.Mains, s.Signals)
}

// Outcome is all that was seen of a service.
type Outcome struct {
	Name, Version  string
	Patch          string // Digest of it
	Replaced, Left int    // places, as audit counts them
	Stock, Patched []Step
}

// Write keeps an outcome in a folder, where Read finds it.
func (o Outcome) Write(folder string) error {
	content, err := json.MarshalIndent(o, "", "\t")
	if err != nil {
		return err
	}
	return report.Publish(filepath.Join(folder, o.Name+".json"), string(content)+"\n")
}

// Read returns the outcomes in a folder, in the order of Services; those that are missing are left out.
func Read(folder string) (outcomes []Outcome, err error) {
	for _, s := range Services {
		content, err := os.ReadFile(filepath.Join(folder, s.Name+".json"))
		if os.IsNotExist(err) {
			continue
		}
		var o Outcome
		if err == nil {
			err = json.Unmarshal(content, &o)
		}
		if err != nil {
			return nil, err
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, nil
}

// find is the step of the same action in the same state.
func find(steps []Step, as Step) (Step, bool) {
	i := slices.IndexFunc(steps, func(s Step) bool { return s.State == as.State && s.Action == as.Action })
	if i < 0 {
		return Step{}, false
	}
	return steps[i], true
}
