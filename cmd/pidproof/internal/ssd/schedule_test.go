package ssd

import (
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"
)

func send(signal syscall.Signal) Step { return Step{Signal: signal} }

func wait(seconds int) Step { return Step{Wait: time.Duration(seconds) * time.Second, IsWait: true} }

// timeout is what a number alone asks for.
func timeout(first syscall.Signal, seconds int) *Schedule {
	return &Schedule{Steps: []Step{send(first), wait(seconds), send(syscall.SIGKILL), wait(seconds)}, Repeat: -1}
}

func TestParseSchedule(t *testing.T) {
	type steps = []Step
	for s, want := range map[string]struct {
		steps  []Step
		repeat int
	}{
		"5":                  {timeout(syscall.SIGUSR1, 5).Steps, -1},
		"0":                  {timeout(syscall.SIGUSR1, 0).Steps, -1},
		"2147483647":         {timeout(syscall.SIGUSR1, 1<<31-1).Steps, -1},
		"TERM/30/KILL/5":     {steps{send(15), wait(30), send(9), wait(5)}, -1},
		"-15/5/-9/5":         {steps{send(15), wait(5), send(9), wait(5)}, -1},
		"15/5":               {steps{wait(15), wait(5)}, -1}, // without its dash a number is seconds
		"-TERM/SIGINT/-0":    {steps{send(15), send(2), send(0)}, -1},
		"TERM/KILL":          {steps{send(15), send(9)}, -1},
		"HUP/forever/5/KILL": {steps{send(1), wait(5), send(9)}, 1},
		"forever/-64/0/1":    {steps{send(64), wait(0), wait(1)}, 0},
		"forever/5":          {steps{wait(5)}, 0},
	} {
		got, err := ParseSchedule(s, syscall.SIGUSR1)
		if err != nil || !reflect.DeepEqual(got, &Schedule{want.steps, want.repeat}) {
			t.Errorf("%s: got %+v, %v; want %+v", s, got, err, want)
		}
	}
}

func TestParseScheduleErrors(t *testing.T) {
	for s, want := range map[string]string{
		"":                             `"" is no schedule: write seconds, or at least two items like TERM/30`,
		"TERM":                         `"TERM" is no schedule`,
		"-9":                           `"-9" is no schedule`,
		"forever":                      `"forever" is no schedule`,
		" 5":                           `" 5" is no schedule`,
		"+5":                           `"+5" is no schedule`,
		"5s":                           `"5s" is no schedule`,
		"2147483648":                   `"2147483648" is no schedule`,
		"/":                            `schedule "/": an item is empty: write one slash between two items`,
		"TERM//5":                      `schedule "TERM//5": an item is empty`,
		"TERM/5/":                      `schedule "TERM/5/": an item is empty`,
		"/5":                           `schedule "/5": an item is empty`,
		"TERM/-":                       `schedule "TERM/-": "" is no signal`,
		"TERM/--5":                     `"-5" is no signal`,
		"TERM/-65/1":                   `"65" is no signal`,
		"TERM/-18446744073709551631/1": `"18446744073709551631" is no signal`, // 2^64 + 15
		"TERM/ 5":                      `" 5" is no signal`,
		"TERM/+5":                      `"+5" is no signal`,
		"term/5":                       `"term" is no signal`,
		"TERM/0x5":                     `"0x5" is no number of seconds up to 2147483647`,
		"TERM/5.5":                     `"5.5" is no number of seconds`,
		"TERM/1_0":                     `"1_0" is no number of seconds`,
		"TERM/2147483648":              `"2147483648" is no number of seconds`,
		"TERM/99999999999999999999999": `is no number of seconds`,
		"TERM/5/Forever/5":             `"Forever" is no signal`,
		"forever/5/forever/5":          `forever is there twice: leave one out`,
		"forever/5/forever":            `forever is there twice`,
		"forever/forever/5":            `forever is there twice`,
		"TERM/5/forever":               `nothing follows forever: write what to repeat after it`,
		"5/forever/TERM":               `nothing after forever waits: write seconds there, like forever/TERM/5`,
		"5/forever/TERM/0":             `nothing after forever waits`,
	} {
		got, err := ParseSchedule(s, syscall.SIGTERM)
		if got != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %+v, %v; want %s", s, got, err, want)
		}
	}
}

func FuzzParseSchedule(f *testing.F) {
	for _, s := range []string{
		"5", "TERM/30/KILL/5", "-15/5/-9/5", "HUP/forever/5/KILL", "forever/0", "TERM//5", "--0/5", "2147483648", "-64/ 1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		schedule, err := ParseSchedule(s, syscall.SIGHUP)
		if err != nil {
			if schedule != nil {
				t.Fatalf("%q: %+v with error %v", s, schedule, err)
			}
			return
		}
		checkSchedule(t, schedule)
		items := strings.Split(s, "/")
		if len(items) == 1 {
			items = []string{"HUP", s, "KILL", s}
		}
		forever := 0
		for i, item := range items {
			if item == "forever" {
				if schedule.Repeat != i {
					t.Fatalf("%q: repeats from %d", s, schedule.Repeat)
				}
				forever = 1
				continue
			}
			if step := schedule.Steps[i-forever]; step.IsWait != (item[0] >= '0' && item[0] <= '9') {
				t.Fatalf("%q: item %d became %+v", s, i, step)
			}
		}
		if len(schedule.Steps) != len(items)-forever || forever == 0 && schedule.Repeat != -1 {
			t.Fatalf("%q: %+v", s, schedule)
		}
	})
}

// checkSchedule holds for every schedule that was read without an error.
func checkSchedule(t *testing.T, schedule *Schedule) {
	t.Helper()
	var repeated time.Duration
	for i, step := range schedule.Steps {
		if step.Wait < 0 || step.Wait > (1<<31-1)*time.Second || step.Signal < 0 || step.Signal > maxSignal {
			t.Fatalf("step %d out of range: %+v", i, schedule)
		}
		if step.IsWait && step.Signal != 0 || !step.IsWait && step.Wait != 0 {
			t.Fatalf("step %d is both: %+v", i, schedule)
		}
		if schedule.Repeat >= 0 && i >= schedule.Repeat {
			repeated = max(repeated, step.Wait)
		}
	}
	if schedule.Repeat < -1 || schedule.Repeat >= len(schedule.Steps) || schedule.Repeat >= 0 && repeated == 0 {
		t.Fatalf("would not repeat, or without waiting: %+v", schedule)
	}
}
