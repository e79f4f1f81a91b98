package ondemand

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// restoreUnits gives back what systemd has: sockets are started while the service is held
// yet, then it is released, and at last everything else is started.
func restoreUnits(ctx context.Context, r Record) (restored []string, restarted bool, err error) {
	if err := r.leaveShared(ctx); err != nil {
		return nil, false, err
	}
	sockets, others, err := r.toStart(ctx)
	if err != nil {
		return nil, false, err
	}
	restarted, err = r.stopForSockets(ctx, sockets)
	if err != nil {
		return nil, false, err // it goes on stopping, or runs on
	}
	// A socket that may give up at its first clients is better than none: /run may be full.
	impatient := r.readySockets(ctx, sockets)
	if restored, err = r.startUnshared(ctx, sockets, startSockets); err != nil {
		err = errors.Join(impatient, err)
	}
	if failed := r.releaseUnits(ctx); failed != nil {
		return restored, restarted, errors.Join(err, failed)
	}
	restored = append(restored, r.Held...)
	started, failed := r.startUnshared(ctx, others, start)
	restored, err = append(restored, started...), errors.Join(err, failed)
	again, failed := startStopped(ctx, r.Bound) // with the sockets or without
	return append(restored, again...), restarted, errors.Join(err, failed)
}

// leaveShared leaves triggers to the other services whose records hold them off, too. Of two
// that are restored at once one does, and not each to the other: who has left them has them in
// its record no more.
func (r *Record) leaveShared(ctx context.Context) error {
	unlock, err := lock(ctx, shared)
	if err != nil {
		return err
	}
	defer unlock()
	return r.leave()
}

// shared is the lock of whoever leaves triggers to others, or starts or stops them; no service
// is called so.
const shared = ".shared"

// startUnshared starts triggers, but those that another service's record holds off by now. Who
// holds off stops what it has recorded under this lock: after they were started.
func (r *Record) startUnshared(ctx context.Context, units []string, start func(context.Context, []string) error) (started []string, err error) {
	if len(units) == 0 {
		return nil, nil
	}
	unlock, err := lock(ctx, shared)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := r.leave(); err != nil {
		return nil, err
	}
	units = slices.DeleteFunc(slices.Clone(units), func(unit string) bool { return !slices.Contains(r.Units, unit) })
	if err := start(ctx, units); err != nil {
		return nil, err
	}
	return units, nil
}

// leave is under the lock.
func (r *Record) leave() error {
	units := without(r.Units, heldElsewhere(r.Service))
	if len(units) == len(r.Units) {
		return nil
	}
	r.Units = units
	return r.write()
}

// toStart are the triggers that do not run.
func (r Record) toStart(ctx context.Context) (sockets, others []string, err error) {
	shown, err := show(ctx, []string{"Id", "LoadState", "ActiveState", "FragmentPath"}, r.Units...)
	for i, p := range shown {
		switch {
		case p.get("LoadState") == "not-found" || p.get("LoadState") == "masked" || removed(p): // since
		case p.get("ActiveState") == "active": // started since
		case kindOf(r.Units[i]) == Socket:
			sockets = append(sockets, r.Units[i])
		default:
			others = append(others, r.Units[i])
		}
	}
	return sockets, others, err
}

// removed: the file of a unit is gone, and systemd, which nobody has told so, has the unit in
// memory still, as long as a target wants it.
func removed(unit properties) bool {
	_, err := os.Stat(unit.get("FragmentPath"))
	return unit.get("FragmentPath") != "" && errors.Is(err, fs.ErrNotExist)
}

// stopForSockets stops the services of sockets, as systemd starts none while its service
// runs, and records them, and what stops with them.
func (r *Record) stopForSockets(ctx context.Context, sockets []string) (stopped bool, err error) {
	shown, err := show(ctx, []string{"Id", "Accept", "Triggers"}, sockets...)
	if err != nil {
		return false, err
	}
	var services []string
	for _, p := range shown {
		if p.get("Accept") != "yes" {
			services = with(services, wordsOf(p.get("Triggers")))
		}
	}
	if services, err = running(ctx, services); err != nil || len(services) == 0 {
		return false, err
	}
	bound, err := boundTo(ctx, services)
	if err != nil {
		return false, err
	}
	again, err := startedAgain(ctx, services)
	if err != nil {
		return false, err
	}
	r.Bound, r.Held = with(with(r.Bound, services), bound), with(r.Held, again)
	if err := r.write(); err != nil {
		return false, err
	}
	if err := r.holdUnits(ctx); err != nil {
		return false, err
	}
	return true, stopAlone(ctx, services)
}

// startedAgain are those of some services that something would have run again before their
// sockets have started: what upholds them, and who sends the bus a message for them. They are
// held meanwhile.
func startedAgain(ctx context.Context, services []string) (held []string, err error) {
	shown, err := show(ctx, []string{"Id", "Names", "UpheldBy"}, services...)
	if err != nil {
		return nil, err
	}
	bus, err := lookAtBus()
	if err != nil {
		return nil, err
	}
	for i, p := range shown {
		if mayHaveDropIn(services[i]) && len(wordsOf(p.get("UpheldBy")))+len(bus.of(wordsOf(p.get("Names")))) > 0 {
			held = append(held, services[i])
		}
	}
	return held, nil
}

// running are those of some units that run.
func running(ctx context.Context, units []string) (run []string, err error) {
	shown, err := show(ctx, []string{"Id", "ActiveState"}, units...)
	for i, p := range shown {
		if unitOf(p).Runs() {
			run = append(run, units[i])
		}
	}
	return run, err
}

// startStopped starts those of some units that do not run, and are there still.
func startStopped(ctx context.Context, units []string) (started []string, err error) {
	shown, err := show(ctx, []string{"Id", "LoadState", "ActiveState", "FragmentPath"}, units...)
	for i, p := range shown {
		if unit := unitOf(p); unit.Load == "loaded" && !unit.Runs() && !removed(p) {
			started = append(started, units[i])
		}
	}
	if err != nil || len(started) == 0 {
		return nil, err
	}
	return started, start(ctx, started)
}

// heldElsewhere are the triggers that other services' records hold off.
func heldElsewhere(service string) (units []string) {
	records, _ := os.ReadDir(Dir) // what cannot be read holds nothing that anybody could restore
	for _, e := range records {
		if name, err := ParseName(e.Name()); err == nil && name != service {
			if r, _ := ReadRecord(name); r != nil {
				units = with(units, r.Units)
			}
		}
	}
	return units
}

// startSockets starts several in one transaction: "systemctl start a.socket b.socket"
// is one for each, and a client of the first would have the service started, with which
// the second cannot be started any more. A transient unit that wants them all is one.
func startSockets(ctx context.Context, sockets []string) error {
	switch len(sockets) {
	case 0:
		return nil
	case 1:
		return start(ctx, sockets)
	}
	all := strings.ReplaceAll(strings.Join(sockets, " "), `\`, `\\`) // systemd-run(1) takes escapes away
	_, err := output(ctx, "systemd-run", "--quiet", "--wait", "--collect", "--property=Wants="+all, "--property=After="+all, "true")
	if err != nil {
		return err
	}
	shown, err := show(ctx, []string{"Id", "ActiveState"}, sockets...)
	if err != nil {
		return err
	}
	for i, p := range shown {
		if p.get("ActiveState") != "active" {
			return fmt.Errorf("%s could not be started: systemctl status %[1]s", sockets[i])
		}
	}
	return nil
}
