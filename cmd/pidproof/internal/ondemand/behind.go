package ondemand

import (
	"context"
	"slices"
	"strings"
)

// systemd starts no socket of a service that runs: "Socket service already active, refusing".
// It restarts the two together where the service needs the socket (Requires=, PartOf=), and
// else it stops the socket, and leaves it.

// Blocked is a service that runs, and keeps sockets of its own from being started.
type Blocked struct {
	Service string
	Sockets []string
}

// LookBlocked finds those of the sockets among some units that somebody is about to start, or
// to restart, if they ran before: now, or until somebody stopped them by their names. What
// never ran stays refused.
func LookBlocked(ctx context.Context, units []string, restart bool) (blocked []Blocked, err error) {
	sockets := slices.DeleteFunc(slices.Clone(units), func(unit string) bool { return kindOf(unit) != Socket })
	shown, err := show(ctx, []string{"Id", "LoadState", "UnitFileState", "ActiveState", "Accept", "Triggers", "RequiredBy", "BoundBy", "ConsistsOf"}, sockets...)
	if err != nil {
		return nil, err
	}
	for _, p := range shown {
		runs := p.get("ActiveState") == "active"
		if p.get("LoadState") != "loaded" || p.get("Accept") == "yes" || runs && !restart {
			continue
		}
		// systemd restarts these with the socket, and in order. A service that is named beside it, it
		// restarts at the same time: the socket is refused, or not.
		var together []string
		for _, by := range []string{"RequiredBy", "BoundBy", "ConsistsOf"} {
			together = with(together, wordsOf(p.get(by)))
		}
		for _, service := range wordsOf(p.get("Triggers")) {
			name, err := ParseName(service)
			if err != nil || runs && slices.Contains(together, service) || !runs && !stoppedByName(name, p) {
				continue
			}
			if may, err := mayStop(ctx, service); err != nil {
				return blocked, err
			} else if may {
				blocked = addBlocked(blocked, name, p.get("Id"))
			}
		}
	}
	return blocked, nil
}

// stoppedByName: such a socket of a service, and it is enabled: deb-systemd-invoke(1p) starts
// no other.
func stoppedByName(service string, socket properties) bool {
	r, _ := ReadRecord(service) // of what cannot be read, nothing is known
	return r != nil && slices.Contains(r.Named, socket.get("Id")) && strings.HasPrefix(socket.get("UnitFileState"), "enabled")
}

func addBlocked(blocked []Blocked, service, socket string) []Blocked {
	for i := range blocked {
		if blocked[i].Service == service {
			blocked[i].Sockets = with(blocked[i].Sockets, []string{socket})
			return blocked
		}
	}
	return append(blocked, Blocked{service, []string{socket}})
}

// mayStop: not what does not run, refuses it or could not be started again (masked), and not
// what this command runs in, and would end with.
func mayStop(ctx context.Context, service string) (bool, error) {
	shown, err := show(ctx, []string{"Id", "LoadState", "ActiveState", "ControlGroup", "KillMode", "RefuseManualStop"}, service)
	if err != nil {
		return false, err
	}
	unit := unitOf(shown[0])
	if !unit.Runs() || unit.Load != "loaded" || shown[0].get("RefuseManualStop") == "yes" {
		return false, nil
	}
	ours, err := isOurs(unit.Cgroup)
	return err == nil && (!ours || unit.KillMode == "process" || unit.KillMode == "none"), err
}

// MakeWay stops the sockets, and then the service, and records them: Restore starts them again.
// The service's sessions stay, as whenever it stops (KillMode=), and so does what needs it.
func (b Blocked) MakeWay(ctx context.Context, pkg string) (r *Record, err error) {
	unlock, err := lock(ctx, b.Service)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if r, err = ReadRecord(b.Service); err != nil {
		return nil, err
	}
	if r == nil {
		r = &Record{Service: b.Service}
		if pkg != "" {
			r.Packages = []string{pkg}
		}
	}
	bound, err := boundTo(ctx, b.Sockets)
	if err != nil {
		return nil, err
	}
	r.Units, r.Named, r.Bound = with(r.Units, b.Sockets), without(r.Named, b.Sockets), with(r.Bound, bound)
	if err := r.write(); err != nil {
		return nil, err
	}
	if err := stopAlone(ctx, b.Sockets); err != nil {
		return r, err
	}
	_, err = r.stopForSockets(ctx, b.Sockets)
	return r, err
}

// HeldOff reports that one of some triggers is held off.
func HeldOff(triggers []string) bool {
	return len(recordsOf(func(r *Record) []string { return r.Units }, triggers)) > 0
}

// StoppedByName reports that one of some triggers was held off, and was stopped by its name
// since.
func StoppedByName(triggers []string) bool {
	return len(recordsOf(func(r *Record) []string { return r.Named }, triggers)) > 0
}

// recordsOf are the services in whose records, there, one of some units is.
func recordsOf(where func(*Record) []string, units []string) (services []string) {
	all, _ := AllHeld() // of what cannot be read, nothing is known
	for _, service := range all {
		if r, _ := ReadRecord(service); r != nil && len(without(where(r), units)) < len(where(r)) {
			services = append(services, service)
		}
	}
	return services
}

// StopByName takes triggers out of the records that somebody stops by their names: who starts
// their services does not start them.
func StopByName(ctx context.Context, triggers []string) error {
	for _, service := range recordsOf(func(r *Record) []string { return r.Units }, triggers) {
		if err := takeOut(ctx, service, triggers); err != nil {
			return err
		}
	}
	return nil
}

func takeOut(ctx context.Context, service string, triggers []string) error {
	return rewrite(ctx, service, func(r *Record) {
		left := without(r.Units, triggers)
		r.Units, r.Named = left, with(r.Named, without(r.Units, left))
	})
}

// StartByName is for triggers that somebody starts by their names.
func StartByName(ctx context.Context, triggers []string) error {
	for _, service := range recordsOf(func(r *Record) []string { return r.Named }, triggers) {
		err := rewrite(ctx, service, func(r *Record) { r.Named = without(r.Named, triggers) })
		if err != nil {
			return err
		}
	}
	return nil
}

// rewrite writes a service's record anew, or removes it where nothing is left of it.
func rewrite(ctx context.Context, service string, how func(*Record)) error {
	unlock, err := lock(ctx, service)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := ReadRecord(service)
	if r == nil || err != nil {
		return err
	}
	how(r)
	if len(r.What())+len(r.Named)+len(r.Bound) == 0 && r.OnDemand == 0 {
		return removeRecord(service)
	}
	return r.write()
}

// SocketsFirst puts sockets before other units: a service that runs by then has its socket
// refused.
func SocketsFirst(units []string) []string {
	isSocket := func(unit string) bool { return kindOf(unit) == Socket }
	sockets := slices.DeleteFunc(slices.Clone(units), func(unit string) bool { return !isSocket(unit) })
	return append(sockets, slices.DeleteFunc(slices.Clone(units), isSocket)...)
}
