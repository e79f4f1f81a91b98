package ondemand

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// relation is a dependency by which one unit has systemd start another, systemd.unit(5).
type relation struct {
	property string // of the unit that is started: who has the dependency
	needs    bool   // who has it does not start without the other
	kind     Kind   // of what is a trigger while it runs; else only its start starts the other
}

var relations = []relation{
	{"RequiredBy", true, ""}, {"BoundBy", true, ""}, {"WantedBy", false, ""},
	{"UpheldBy", false, Upholds}, {"OnFailureOf", false, OnFailure}, {"OnSuccessOf", false, OnSuccess},
}

// puller is a unit that systemd starts the service with.
type puller struct {
	id     string
	via    []string // the units from it down to the service, itself first
	starts []string // of the service and its parts, those that it pulls in
	needs  bool     // it does not start without them
	kinds  []Kind   // see relation
}

// edge is a dependency that was read of the unit that has it.
type edge struct {
	from  string
	needs bool
}

const (
	// manyUnits is how many may pull a service in. More are an answer that nobody could
	// read, and questions without an end.
	manyUnits = 2000
	manyParts = 500
)

// lookAtParts finds the units that stop with the service, PartOf=: a service that is a
// name for others, as Debian's tor, postgresql and openvpn, does nothing but that.
// "systemctl stop" does not wait for them.
func (s *Service) lookAtParts(ctx context.Context, systemd snapshot, level []string) error {
	seen := slices.Clone(s.Unit.Names)
	for len(level) > 0 {
		level = slices.DeleteFunc(level, func(unit string) bool { return slices.Contains(seen, unit) })
		if seen = append(seen, level...); len(seen) > manyParts {
			return fmt.Errorf("%s has more than %d parts (PartOf=)", s.Name, manyParts)
		}
		shown, err := systemd.show(ctx, level...)
		if err != nil {
			return err
		}
		level = nil
		for _, p := range shown {
			part := unitOf(p)
			if part.Load == "loaded" && strings.HasSuffix(part.ID, ".service") && part.ID != s.Unit.ID {
				s.parts = append(s.parts, part)
			}
			level = append(level, wordsOf(p.get("ConsistsOf"))...)
		}
	}
	return nil
}

// units are that of the service, and its parts.
func (s *Service) units() []Unit { return append([]Unit{*s.Unit}, s.parts...) }

// startedBy are those of the service's units that have one of some names.
func (s *Service) startedBy(names []string) (starts []string) {
	for _, unit := range s.units() {
		if slices.Contains(names, unit.ID) || slices.ContainsFunc(unit.Names, func(name string) bool { return slices.Contains(names, name) }) {
			starts = append(starts, unit.ID)
		}
	}
	return starts
}

// lookAtPullers looks at the units that the service is started with, upward: until one
// that runs, as systemd does not look at what a unit wants that is active already when
// another one needs it; only when somebody starts that one itself.
func (s *Service) lookAtPullers(ctx context.Context, systemd snapshot, bus busNames) error {
	edges, err := s.unloaded(ctx, systemd, bus)
	if err != nil {
		return err
	}
	var level []*puller
	seen := map[string]bool{}
	for _, unit := range s.units() {
		level = append(level, &puller{id: unit.ID, starts: []string{unit.ID}, needs: true})
		for _, name := range append(unit.Names, unit.ID) {
			seen[name] = true
		}
	}
	for len(level) > 0 {
		var ids []string
		for _, p := range level {
			ids = append(ids, p.id)
		}
		shown, err := systemd.show(ctx, ids...)
		if err != nil {
			return err
		}
		if err := s.addArmed(ctx, systemd, level, shown, bus); err != nil {
			return err
		}
		if level = above(level, shown, edges, seen); len(seen) > manyUnits {
			return fmt.Errorf("%s: more than %d units pull it in", s.Name, manyUnits)
		}
	}
	return nil
}

// above are the units that start those of a level, and that were not seen before.
func above(level []*puller, shown []properties, edges map[string][]edge, seen map[string]bool) (next []*puller) {
	found := map[string]*puller{}
	for i, p := range shown {
		at := level[i]
		if len(at.via) > 0 && unitOf(p).Runs() && !at.needs { // what needs the service stops with it
			continue
		}
		add := func(id string, r relation) {
			if seen[id] {
				return
			}
			one := found[id]
			if one == nil {
				one = &puller{id: id, via: append([]string{id}, at.via...)}
				found[id] = one
				next = append(next, one)
			}
			one.needs = one.needs || r.needs && at.needs
			if r.kind != "" && !slices.Contains(one.kinds, r.kind) {
				one.kinds = append(one.kinds, r.kind)
			}
			for _, unit := range at.starts {
				if !slices.Contains(one.starts, unit) {
					one.starts = append(one.starts, unit)
				}
			}
		}
		for _, r := range relations {
			for _, id := range wordsOf(p.get(r.property)) {
				add(id, r)
			}
		}
		for _, name := range wordsOf(p.get("Names")) {
			for _, e := range edges[name] {
				add(e.from, relation{needs: e.needs})
			}
		}
	}
	for _, one := range next {
		seen[one.id] = true
	}
	return next
}

// addArmed adds what would start those of a level.
func (s *Service) addArmed(ctx context.Context, systemd snapshot, level []*puller, shown []properties, bus busNames) error {
	triggers := map[string]*puller{}
	var names []string
	for i, p := range shown {
		at := level[i]
		if len(at.via) == 0 {
			continue // lookAtTriggers has them
		}
		for _, kind := range at.kinds {
			s.add(Trigger{Kind: kind, Name: at.id, State: p.get("ActiveState"), Active: unitOf(p).Runs(), Via: at.via[1:], starts: at.starts})
		}
		for _, name := range bus.of(append(wordsOf(p.get("Names")), at.id)) {
			s.add(Trigger{Kind: DBus, Name: name, State: bus.state(), Active: bus.up, Via: at.via, starts: at.starts})
		}
		for _, name := range append(wordsOf(p.get("TriggeredBy")), s.elsewhere.of[at.id]...) {
			if triggers[name] == nil {
				triggers[name] = at
				names = append(names, name)
			}
		}
	}
	shown, err := systemd.show(ctx, names...)
	if err != nil {
		return err
	}
	for i, p := range shown {
		at := triggers[names[i]]
		t, is := s.triggerOf(p)
		// A timer that starts something else first comes to no harm by what is refused.
		t.stops = t.stops && at.needs && t.Kind != Timer
		if t.Via, t.starts = at.via, at.starts; is && (t.Active || slices.Contains(s.recorded, t.Name)) {
			s.add(t)
		}
	}
	return nil
}

// add adds a trigger that is not there yet. What starts a unit that can be held can be
// held off; what starts one that is masked does nothing.
func (s *Service) add(t Trigger) {
	if !t.stops && len(t.starts) > 0 && len(s.loaded(t.starts)) == 0 {
		t.Active = false
	}
	t.Holdable = t.stops || len(t.starts) > 0 && !slices.ContainsFunc(t.starts, func(unit string) bool { return !mayHaveDropIn(unit) })
	for i, old := range s.Triggers {
		if old.Kind == t.Kind && old.Name == t.Name {
			for _, unit := range t.starts {
				if !slices.Contains(old.starts, unit) {
					s.Triggers[i].starts = append(old.starts, unit)
				}
			}
			return
		}
	}
	s.Triggers = append(s.Triggers, t)
}

// unloaded reads the dependencies of what the bus may start, and of what another service's
// triggers start, once they are restored: systemd knows who wants a unit only of units that
// it has loaded, and those it loads when they are started.
func (s *Service) unloaded(ctx context.Context, systemd snapshot, bus busNames) (edges map[string][]edge, err error) {
	edges = map[string][]edge{}
	seen := map[string]bool{}
	level := with(slices.Collect(maps.Keys(s.elsewhere.of)), bus.started())
	for len(level) > 0 {
		for _, unit := range level {
			seen[unit] = true
		}
		if len(seen) > manyUnits {
			return nil, fmt.Errorf("the bus, and what is held off, may start more than %d units", manyUnits)
		}
		shown, err := systemd.show(ctx, level...)
		if err != nil {
			return nil, err
		}
		var next []string
		for _, p := range shown {
			unit := unitOf(p)
			if unit.Load != "loaded" || unit.Runs() {
				continue
			}
			for _, property := range []string{"Requires", "BindsTo", "Wants", "Upholds"} {
				for _, name := range wordsOf(p.get(property)) {
					edges[name] = append(edges[name], edge{unit.ID, property == "Requires" || property == "BindsTo"})
					if !seen[name] && !slices.Contains(next, name) {
						next = append(next, name)
					}
				}
			}
		}
		level = next
	}
	return edges, nil
}

// boundTo are the units that run and stop when one of some is stopped, whatever the job:
// BindsTo=, of each other, too. What has Requires= or PartOf= stops only where systemd is
// asked to look at dependencies, which a hold does not ask.
func boundTo(ctx context.Context, units []string) (bound []string, err error) {
	seen := slices.Clone(units)
	for level := units; len(level) > 0; {
		shown, err := show(ctx, []string{"Id", "BoundBy"}, level...)
		if err != nil {
			return nil, err
		}
		var next []string
		for _, p := range shown {
			for _, name := range wordsOf(p.get("BoundBy")) {
				if !slices.Contains(seen, name) {
					seen, next = append(seen, name), append(next, name)
				}
			}
		}
		if len(seen) > manyUnits {
			return nil, fmt.Errorf("more than %d units are bound to %s", manyUnits, units[0])
		}
		if level, err = running(ctx, next); err != nil {
			return nil, err
		}
		bound = append(bound, level...)
	}
	return bound, nil
}

// elsewhere are the triggers that other services' records hold off, and what they start.
type elsewhere struct {
	triggers []string
	of       map[string][]string // by the unit
}

func (e *elsewhere) look(ctx context.Context, systemd snapshot) error {
	e.of = map[string][]string{}
	shown, err := systemd.show(ctx, e.triggers...)
	for i, p := range shown {
		for _, unit := range wordsOf(p.get("Triggers")) {
			e.of[unit] = append(e.of[unit], e.triggers[i])
		}
	}
	return err
}
