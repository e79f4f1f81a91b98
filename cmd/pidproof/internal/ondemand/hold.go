package ondemand

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

// Hold records the triggers that can start the service, and holds them off. Nothing is
// held off that was not recorded. A record that is there, of a run that was
// interrupted, is added to; damage says what is wrong with one that is not.
func (s *Service) Hold(ctx context.Context) (damage, err error) {
	holdable, _ := s.Active()
	for _, t := range s.Triggers {
		if t.Kind.inFile() && t.State == heldOff { // inetd may not know of it
			holdable = append(holdable, t)
		}
	}
	if len(holdable) == 0 {
		return nil, nil
	}
	if err := s.spares(); err != nil {
		return nil, err
	}
	unlock, err := lock(ctx, s.Name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	r, damage := ReadRecord(s.Name)
	if damage != nil && !errors.Is(damage, ErrDamaged) {
		return nil, damage
	}
	if damage != nil {
		if err := removeRecord(s.Name); err != nil {
			return damage, err
		}
	}
	if r == nil {
		r = &Record{Service: s.Name}
	}
	r.OnDemand = 0
	var stop []string
	for _, t := range holdable {
		if t.Kind.inFile() {
			r.Inetd = true
			continue
		}
		stop = append(stop, t.Name)
		if !slices.Contains(r.Units, t.Name) {
			r.Units = append(r.Units, t.Name)
		}
	}
	if err := r.write(); err != nil {
		return damage, err
	}
	if r.Inetd {
		if err := s.holdLines(ctx); err != nil {
			return damage, err
		}
	}
	if len(stop) > 0 {
		_, err = systemctl(ctx, append([]string{"stop", "--"}, stop...)...)
	}
	return damage, err
}

// Allow records that the service was stopped while its triggers stay armed.
func (s *Service) Allow(stopped Moment) error {
	r, err := ReadRecord(s.Name)
	if err != nil && !errors.Is(err, ErrDamaged) { // what it holds off must not be forgotten
		return err
	}
	if r == nil {
		r = &Record{Service: s.Name}
	}
	r.OnDemand = stopped
	return r.write()
}

// Forget removes the record that Allow wrote.
func (r Record) Forget() error { return removeRecord(r.Service) }

// Held is what there is to restore of a service, nil if nothing: its record, that of what
// it is an alias of, or entries of superservers, which are held off after a boot, too.
func Held(ctx context.Context, service string) (r *Record, err error) {
	r, err = ReadRecord(service)
	if r == nil && err == nil {
		r, err = aliasRecord(ctx, service)
	}
	if r != nil {
		return r, err
	}
	files, unread := heldFiles(service)
	if len(files) > 0 {
		r = &Record{Service: service, Inetd: true}
	}
	return r, errors.Join(err, unread)
}

// AllHeld are the services of which something is recorded, or an entry of a superserver is
// held off.
func AllHeld() (services []string, err error) {
	records, err := os.ReadDir(Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range records {
		if name, err := ParseName(e.Name()); err == nil { // not our locks, which begin with a dot
			services = append(services, name)
		}
	}
	files, err := confFiles()
	for _, f := range files {
		services = append(services, heldServices(f.content)...)
	}
	if err != nil {
		return nil, err
	}
	slices.Sort(services)
	return slices.Compact(services), nil
}

// StillHeld are those of AllHeld of which something is held off. A record that cannot be used
// is an error, beside the others.
func StillHeld() (services []string, err error) {
	services, err = AllHeld()
	services = slices.DeleteFunc(services, func(name string) bool {
		r, failed := ReadRecord(name)
		err = errors.Join(err, failed)
		return failed != nil || r != nil && len(r.Units) == 0 && !r.Inetd
	})
	return services, err
}

// aliasRecord is that of the unit which this is another name of.
func aliasRecord(ctx context.Context, service string) (*Record, error) {
	records, err := os.ReadDir(Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	none := !slices.ContainsFunc(records, func(e fs.DirEntry) bool { return !strings.HasPrefix(e.Name(), ".") })
	if none {
		return nil, nil
	}
	if manager, err := Manager(); err != nil || manager != "systemd" {
		return nil, err
	}
	shown, err := show(ctx, []string{"Id"}, unitName(service))
	if err != nil {
		return nil, err
	}
	name, err := ParseName(shown[0].get("Id"))
	if err != nil {
		return nil, nil // no service's
	}
	return ReadRecord(name)
}

// Restore starts again what was held off, and removes the record. What is gone since is
// passed over; an error keeps the record. A service that runs has to be started anew
// for its sockets: that is in restarted.
func Restore(ctx context.Context, r Record) (restored []string, restarted bool, err error) {
	unlock, err := lock(ctx, r.Service)
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	manager, err := Manager()
	if err != nil {
		return nil, false, err
	}
	if manager == "systemd" && len(r.Units) > 0 {
		if restored, restarted, err = startUnits(ctx, r); err != nil {
			return restored, restarted, err
		}
	}
	changed, err := restoreLines(ctx, r)
	if err != nil {
		return restored, restarted, err
	}
	return append(restored, changed...), restarted, removeRecord(r.Service)
}

// startUnits starts triggers, sockets first: systemd starts none while its service
// runs.
func startUnits(ctx context.Context, r Record) (started []string, restarted bool, err error) {
	shown, err := show(ctx, []string{"Id", "LoadState", "ActiveState"}, append([]string{unitName(r.Service)}, r.Units...)...)
	if err != nil {
		return nil, false, err
	}
	var sockets, others []string
	for i, p := range shown[1:] {
		switch {
		case p.get("LoadState") == "not-found" || p.get("LoadState") == "masked": // since
		case p.get("ActiveState") == "active": // started since
		case kindOf(r.Units[i]) == Socket:
			sockets = append(sockets, r.Units[i])
		default:
			others = append(others, r.Units[i])
		}
	}
	service := unitOf(shown[0])
	if restarted = len(sockets) > 0 && service.Runs(); restarted {
		if _, err := systemctl(ctx, "stop", "--", service.ID); err != nil {
			return nil, false, err // it goes on stopping, or runs on
		}
	}
	if err = startSockets(ctx, sockets); err == nil {
		started = sockets
	}
	if restarted { // with its sockets or without
		_, again := systemctl(ctx, "start", "--", service.ID)
		err = errors.Join(err, again)
	}
	if len(others) > 0 {
		_, failed := systemctl(ctx, append([]string{"start", "--"}, others...)...)
		if failed == nil {
			started = append(started, others...)
		}
		err = errors.Join(err, failed)
	}
	return started, restarted, err
}

// startSockets starts several in one transaction: "systemctl start a.socket b.socket"
// is one for each, and a client of the first would have the service started, with which
// the second cannot be started any more. A transient unit that wants them all is one.
func startSockets(ctx context.Context, sockets []string) error {
	switch len(sockets) {
	case 0:
		return nil
	case 1:
		_, err := systemctl(ctx, "start", "--", sockets[0])
		return err
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

// SettleTime is how long a service that was stopped must not come back. What a trigger
// does, it does at once; a path unit has looked again by then.
const SettleTime = time.Second

// hangUpTime is how long inetd may take to read its file anew.
const hangUpTime = 5 * time.Second
