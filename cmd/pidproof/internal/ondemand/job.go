package ondemand

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// After firstTick it is looked whether units still have the jobs that systemctl(1) waits for, and then more and more seldom: each
// look costs a process, and a database may take minutes to stop. By the second look that finds none systemctl has ended, too.
const (
	firstTick = 2 * time.Second
	lastTick  = 16 * time.Second
	idleLooks = 2
)

// errCanceled is wrapped where systemd has given up a job for another one.
var errCanceled = errors.New("job canceled")

// job has systemd start or stop units, and waits for it as long as one of them has a job.
//
// A job that is cancelled while systemd reads its units anew (daemon-reload) is told to nobody (job_uninstall in
// src/core/job.c of systemd 252), and systemctl waits for ever. A path whose file is there has its service started at each
// reload, and what that needs, also a socket that is being stopped: who had that stopped waited for five minutes.
func job(ctx context.Context, verb string, units []string, options ...string) error {
	if len(units) == 0 {
		return nil
	}
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := systemctl(waiting, slices.Concat([]string{verb}, options, []string{"--"}, units)...)
		ended <- err
	}()
	for tick, idle := firstTick, 0; idle < idleLooks; {
		select {
		case err := <-ended:
			return err
		case <-time.After(tick):
		}
		if jobs, err := haveJobs(ctx, units); jobs || err != nil {
			tick, idle = min(2*tick, lastTick), 0
		} else {
			idle++
		}
	}
	cancel()
	if err := <-ended; err == nil || !errors.Is(err, ErrNoAnswer) { // it has ended after all
		return err
	}
	return done(ctx, verb, units)
}

func haveJobs(ctx context.Context, units []string) (bool, error) {
	shown, err := show(ctx, []string{"Id", "Job"}, units...)
	return slices.ContainsFunc(shown, func(p properties) bool { return p.get("Job") != "" && p.get("Job") != "0" }), err
}

// done tells from the units whether they were started or stopped, as systemctl would.
func done(ctx context.Context, verb string, units []string) error {
	shown, err := show(ctx, []string{"Id", "ActiveState"}, units...)
	for i, p := range shown {
		if unitOf(p).Runs() != (verb == "start") {
			return fmt.Errorf("systemctl %w (%s): %w", ErrRefused, units[i], errCanceled)
		}
	}
	return err
}

// canceled reports that a job has given way to another; of systemctl's own complaints only the words tell.
func canceled(err error) bool {
	return errors.Is(err, errCanceled) || errors.Is(err, ErrRefused) && strings.HasSuffix(err.Error(), " canceled.")
}

func start(ctx context.Context, units []string) error { return job(ctx, "start", units) }

// stopAlone stops units, and none that has Requires= or PartOf= for them. What had one of them started meanwhile does so
// once.
func stopAlone(ctx context.Context, units []string) (err error) {
	for range stopTries {
		if err = job(ctx, "stop", units, "--job-mode=ignore-dependencies"); !canceled(err) {
			break
		}
	}
	return err
}

const stopTries = 4
