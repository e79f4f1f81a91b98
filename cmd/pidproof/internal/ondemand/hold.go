package ondemand

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

// Hold records the triggers that can start the service, and holds them off. Nothing is
// held off that was not recorded. A record that is there, of a run that was
// interrupted, is added to; damage says what is wrong with one that is not.
//
// What can be stopped, and nobody else needs, is stopped. Against everything else the
// unit that it would start is held itself, from before those are stopped: a hold that
// systemd does not take is undone while nothing has changed.
//
// pkg is the package whose maintainer script asks for it, if one does: see Record.Packages.
func (s *Service) Hold(ctx context.Context, pkg string) (damage, err error) {
	holdable := s.toHold()
	held := slices.ContainsFunc(s.Triggers, Trigger.HeldOff)
	if len(holdable) == 0 && !held {
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
	before, damage, err := s.usable()
	if err != nil {
		return damage, err
	}
	if before == nil && held { // somebody has given it back since it was looked at
		if err := s.lookAgain(ctx); err != nil {
			return damage, err
		}
		holdable = s.toHold()
	}
	if len(holdable) == 0 {
		return damage, s.claim(before, pkg)
	}
	r, stop, err := s.plan(ctx, before, holdable)
	if err != nil {
		return damage, err
	}
	r.wantedBy(before, pkg)
	s.packages = r.Packages
	if err := r.write(); err != nil {
		return damage, err
	}
	if err := r.holdUnits(ctx); err != nil {
		return damage, errors.Join(err, undo(before, r))
	}
	if r.Inetd {
		if err := s.holdLines(ctx); err != nil {
			return damage, err
		}
	}
	return damage, stopShared(ctx, stop)
}

// stopShared stops what is recorded, and not before a restore that has not seen the record has
// started it.
func stopShared(ctx context.Context, units []string) error {
	if len(units) == 0 {
		return nil
	}
	unlock, err := lock(ctx, shared)
	if err != nil {
		return err
	}
	defer unlock()
	return stopAlone(ctx, units)
}

// toHold are the triggers that are to be held off, armed or in need of another look.
func (s *Service) toHold() []Trigger {
	holdable, _ := s.Active()
	for _, t := range s.Triggers {
		if t.Kind.inFile() && t.State == heldOff { // inetd may not know of it
			holdable = append(holdable, t)
		}
	}
	return holdable
}

// usable is the service's record. One that is damaged is removed: damage says why.
func (s *Service) usable() (before *Record, damage, err error) {
	before, damage = ReadRecord(s.Name)
	if damage != nil && !errors.Is(damage, ErrDamaged) {
		return nil, nil, damage
	}
	if damage != nil {
		if err := removeRecord(s.Name); err != nil {
			return nil, damage, err
		}
	}
	if before == nil {
		before, err = unrecorded(s.Name)
	}
	return before, damage, err
}

// lookAgain has the triggers as they are now.
func (s *Service) lookAgain(ctx context.Context) error {
	now, err := Look(ctx, s.Name)
	if err == nil {
		s.Triggers, s.recorded, s.elsewhere, s.packages = now.Triggers, now.recorded, now.elsewhere, now.packages
	}
	return err
}

// claim is for a service that is held off by now: also for whoever asks for it.
func (s *Service) claim(r *Record, pkg string) error {
	if r == nil || len(r.Packages) == 0 {
		return nil
	}
	before := *r
	r.wantedBy(&before, pkg)
	s.packages = r.Packages
	return r.write()
}

// wantedBy adds who asks for the hold: a package, whose it is unless somebody else's was
// there before, or "", who is not to be overruled by the end of dpkg.
func (r *Record) wantedBy(before *Record, pkg string) {
	switch {
	case pkg == "":
		r.Packages = nil
	case before == nil || len(before.What()) == 0 || len(before.Packages) > 0:
		r.Packages = with(r.Packages, []string{pkg})
	}
}

// plan is the record of what is to be done, and what is to be stopped.
func (s *Service) plan(ctx context.Context, before *Record, holdable []Trigger) (r Record, stop []string, err error) {
	r.Service = s.Name
	if before != nil {
		r = *before
	}
	r.OnDemand = 0
	for _, t := range holdable {
		if t.Kind.inFile() {
			r.Inetd = true
			continue
		}
		if t.stops {
			stop = append(stop, t.Name)
		}
		if !t.stops || t.wanted || len(t.Via) > 0 {
			r.Held = with(r.Held, s.loaded(t.starts))
		}
	}
	r.Units, r.Named = with(r.Units, stop), without(r.Named, stop)
	bound, err := boundTo(ctx, stop)
	s.takenDown = slices.DeleteFunc(bound, func(unit string) bool { return len(s.startedBy([]string{unit})) > 0 })
	r.Bound = with(r.Bound, s.takenDown)
	return r, stop, err
}

// loaded are those of the service's units that could be started: systemd reads no drop-in of
// one that is masked, as avahi-daemon's prerm does, and starts it no more.
func (s *Service) loaded(units []string) (startable []string) {
	for _, unit := range s.units() {
		if unit.Load == "loaded" && slices.Contains(units, unit.ID) {
			startable = append(startable, unit.ID)
		}
	}
	return startable
}

// with is a list, and what it lacks of another.
func with(list, more []string) []string {
	list = slices.Clone(list)
	for _, one := range more {
		if !slices.Contains(list, one) {
			list = append(list, one)
		}
	}
	return list
}

// without is a list, less what is in another.
func without(list, less []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(one string) bool { return slices.Contains(less, one) })
}

// undo is for a hold that could not be made. Without its mark a drop-in refuses nothing,
// whether systemd has read it or not.
func undo(before *Record, r Record) error {
	if before != nil {
		return nil // what that run holds off is not to be forgotten
	}
	err := removeMark(r.Service)
	_, left := removeDropIns(r.Service)
	return errors.Join(err, left, removeRecord(r.Service))
}

// TakenDown are the units that run, and stop with the triggers (BindsTo=). They are
// recorded, and are started with them.
func (s *Service) TakenDown() []string { return s.takenDown }

// Contended reports that a stop which has failed may have met a start: systemd cancels the
// one for the other, and refuses that when its turn comes. So the stop is to be called again,
// also where the unit has failed as it ended: systemctl's is done then.
func (s *Service) Contended(ctx context.Context) (bool, error) {
	if s.Unit == nil {
		return false, nil
	}
	for _, path := range []string{markPath(s.Name), dropInPath(s.Unit.ID, s.Name)} {
		if held, err := isFile(path); err != nil || !held {
			return false, err
		}
	}
	for looks := (looks{}); ; looks.await(seldomTick) { // it goes on stopping, without a job that anybody could wait for
		shown, err := show(ctx, []string{"Id", "ActiveState"}, s.Unit.ID)
		if err != nil || shown[0].get("ActiveState") != "deactivating" {
			return err == nil, err
		}
	}
}

// Allow records that the service was stopped while its triggers stay armed.
func (s *Service) Allow(stopped Moment) error {
	r, err := ReadRecord(s.Name)
	if err != nil && !errors.Is(err, ErrDamaged) { // what it holds off must not be forgotten
		return err
	}
	if r == nil {
		if r, err = unrecorded(s.Name); err != nil {
			return err
		}
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
	if r == nil {
		var unread error
		r, unread = unrecorded(service)
		err = errors.Join(err, unread)
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
	marks, err := os.ReadDir(markDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range append(records, marks...) {
		if name, err := ParseName(e.Name()); err == nil { // not our locks, which begin with a dot
			services = append(services, name)
		}
	}
	files, err := confFiles()
	for _, f := range files {
		services = append(services, heldServices(f.content)...)
	}
	slices.Sort(services)
	return slices.Compact(services), err
}

// StillHeld are those of AllHeld of which something is held off. A record that cannot be used
// is an error, beside the others.
func StillHeld() (services []string, err error) {
	services, err = AllHeld()
	services = slices.DeleteFunc(services, func(name string) bool {
		r, failed := ReadRecord(name)
		if err = errors.Join(err, failed); r == nil && failed == nil {
			r, failed = unrecorded(name)
			err = errors.Join(err, failed)
		}
		return failed != nil || r != nil && len(r.What()) == 0
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

// Restore starts again what was held off, and removes the record, but for what was stopped
// by its name. What is gone since is passed over; an error keeps the record. A service that
// runs has to be started anew for its sockets: that is in restarted.
func Restore(ctx context.Context, r Record) (restored []string, restarted bool, err error) {
	unlock, err := lock(ctx, r.Service)
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	return r.restore(ctx)
}

func (r Record) restore(ctx context.Context) (restored []string, restarted bool, err error) {
	manager, err := Manager()
	if err != nil {
		return nil, false, err
	}
	if manager == "systemd" {
		if restored, restarted, err = restoreUnits(ctx, r); err != nil {
			return restored, restarted, err
		}
	}
	changed, err := restoreLines(ctx, r)
	if err != nil {
		return restored, restarted, err
	}
	restored = append(restored, changed...)
	if len(r.Named) > 0 {
		return restored, restarted, Record{Service: r.Service, Named: r.Named, Packages: r.Packages}.write()
	}
	return restored, restarted, removeRecord(r.Service)
}

// SettleTime is how long a service that was stopped must not come back. What a trigger
// does, it does at once; a path unit has looked again by then.
const SettleTime = time.Second

// hangUpTime is how long inetd may take to read its file anew.
const hangUpTime = 5 * time.Second
