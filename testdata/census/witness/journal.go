package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// systemd's own words, by their message ID: sd-messages.h
const (
	unitStarting = "7d4958e842da4a758f6c1cdc7b36dcc5"
	unitStarted  = "39f53479d3a045ac8e11786248231fbf"
	unitStopped  = "9d1aaa27d60140bd96365438aad20286" // by a job: not what ends by itself
	unitFailed   = "d9b373ed55a64feb8242e02dbe79a49c" // "Failed with result"
)

// event is a unit that systemd has started, stopped, or called failed.
type event struct {
	kind string
	unit string
	when time.Time
}

// events reads what systemd said since then, in its order. A start is one event, however often systemd speaks of it.
func events(since time.Time) ([]event, error) {
	if _, err := output("journalctl", "--sync"); err != nil {
		return nil, err
	}
	args := []string{"--boot", "--quiet", "--output=json", "_PID=1", "MESSAGE_ID=" + unitStarting, "MESSAGE_ID=" + unitStarted,
		"MESSAGE_ID=" + unitStopped, "MESSAGE_ID=" + unitFailed, fmt.Sprintf("--since=@%d", since.Unix())}
	out, err := output("journalctl", args...)
	if err != nil {
		return nil, err
	}
	var found []event
	invocations := map[string]bool{}
	for line := range strings.Lines(out) {
		e, invocation, err := parseEvent(line)
		if err != nil {
			return nil, err
		}
		if e.kind == unitStarted {
			e.kind = unitStarting
		}
		if e.kind == unitStarting {
			if invocations[invocation] {
				continue
			}
			invocations[invocation] = invocation != ""
		}
		if !e.when.Before(since) {
			found = append(found, e)
		}
	}
	slices.SortStableFunc(found, func(a, b event) int { return a.when.Compare(b.when) })
	return found, nil
}

func parseEvent(line string) (e event, invocation string, err error) {
	var entry struct {
		Kind       string `json:"MESSAGE_ID"`
		Unit       string `json:"UNIT"`
		Invocation string `json:"INVOCATION_ID"`
		Said       string `json:"_SOURCE_REALTIME_TIMESTAMP"` // microseconds; when systemd said it
		Heard      string `json:"__REALTIME_TIMESTAMP"`       // when journald wrote it down
	}
	if err := json.Unmarshal([]byte(line), &entry); err != nil {
		return e, "", fmt.Errorf("journalctl: %w: %.200s", err, line)
	}
	if entry.Said == "" {
		entry.Said = entry.Heard
	}
	micro, err := strconv.ParseInt(entry.Said, 10, 64)
	if err != nil {
		return e, "", fmt.Errorf("journalctl: a time: %w", err)
	}
	return event{entry.Kind, entry.Unit, time.UnixMicro(micro)}, entry.Invocation, nil
}
