package ondemand

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Unit is the service's, as systemd has it.
type Unit struct {
	ID         string // foo.service; of an alias, what it stands for
	Names      []string
	Load       string // loaded, not-found, masked, ...
	Active     string // active, inactive, failed, ...
	Source     string // of a unit made from an init script, the script
	Program    string // of ExecStart=
	Cgroup     string // "" when nothing of it runs
	KillMode   string
	MainPID    int
	Started    Moment   // its main process
	Activators []string // TriggeredBy=
	DropIns    []string
}

// Moment is microseconds of CLOCK_MONOTONIC; 0: never.
type Moment uint64

// Now is this moment.
func Now() Moment {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) != nil {
		return 0
	}
	return Moment(now.Nano() / 1000)
}

// Time is the moment by the clock of now.
func (m Moment) Time() time.Time {
	return time.Now().Add(-time.Duration(Now()-m) * time.Microsecond)
}

func unitOf(p properties) Unit {
	pid, _ := strconv.Atoi(p.get("MainPID"))
	started, _ := strconv.ParseUint(p.get("ExecMainStartTimestampMonotonic"), 10, 64)
	return Unit{
		ID: p.get("Id"), Names: wordsOf(p.get("Names")),
		Load: p.get("LoadState"), Active: p.get("ActiveState"),
		Source: p.get("SourcePath"), Program: programOf(p.get("ExecStart")), Cgroup: p.get("ControlGroup"),
		KillMode: p.get("KillMode"),
		MainPID:  pid, Started: Moment(started),
		Activators: wordsOf(p.get("TriggeredBy")), DropIns: wordsOf(p.get("DropInPaths")),
	}
}

// wordsOf splits a list of units: systemctl quotes those with a backslash.
func wordsOf(list string) (units []string) {
	for word := range strings.FieldsSeq(list) {
		if plain, err := strconv.Unquote(word); err == nil && strings.HasPrefix(word, `"`) {
			word = plain
		}
		units = append(units, word)
	}
	return units
}

// programOf takes the first path of "{ path=/usr/sbin/foo ; argv[]=... }".
func programOf(execStart string) string {
	_, rest, _ := strings.Cut(execStart, "path=")
	path, _, _ := strings.Cut(rest, " ;")
	return path
}

// Absent reports that systemd knows no such unit.
func (u Unit) Absent() bool { return u.Load == "not-found" }

// Native reports that the unit was not made from an init script.
func (u Unit) Native() bool { return !strings.HasPrefix(u.Source, "/etc/init.d/") }

// Runs reports that something of it runs, or is about to.
func (u Unit) Runs() bool { return u.Active != "inactive" && u.Active != "failed" }

// unitName is the unit that invoke-rc.d makes of a service's name.
func unitName(service string) string { return strings.TrimSuffix(service, ".sh") + ".service" }

// lookAtUnit asks systemd.
func (s *Service) lookAtUnit(ctx context.Context) error {
	systemd := snapshot{}
	shown, err := systemd.program(ctx, unitName(s.Name))
	if err != nil {
		return err
	}
	unit := unitOf(shown)
	s.Unit = &unit
	if unit.Load == "loaded" && strings.HasSuffix(unit.ID, ".service") { // of an alias, what it stands for
		s.Name = strings.TrimSuffix(unit.ID, ".service")
	}
	if err := s.lookAtParts(ctx, systemd, wordsOf(shown.get("ConsistsOf"))); err != nil {
		return err
	}
	if r, _ := ReadRecord(s.Name); r != nil { // whoever is to restore it says what is wrong with it
		s.recorded, s.packages = r.Units, r.Packages
	}
	bus, err := lookAtBus()
	if err != nil {
		return err
	}
	s.elsewhere.triggers = heldElsewhere(s.Name)
	// All that is known to be asked about further down; too many are refused there.
	first := slices.Concat(s.ownTriggers(), s.elsewhere.triggers, bus.started())
	for _, r := range relations {
		first = append(first, wordsOf(shown.get(r.property))...)
	}
	if _, err := systemd.show(ctx, first[:min(len(first), manyUnits)]...); err != nil {
		return err
	}
	if err := s.elsewhere.look(ctx, systemd); err != nil {
		return err
	}
	if err := s.lookAtTriggers(ctx, systemd); err != nil {
		return err
	}
	s.busTriggers(bus)
	return s.lookAtPullers(ctx, systemd, bus)
}

// ownTriggers are those that may start the service and its parts: TriggeredBy= has those that
// are loaded, so those of the service's own name are asked for, too, and those that are
// recorded.
func (s *Service) ownTriggers() (names []string) {
	for _, unit := range s.units() {
		names = append(names, unit.Activators...)
	}
	base := strings.TrimSuffix(unitName(s.Name), ".service")
	for _, kind := range []Kind{Socket, Path, Timer} {
		names = append(names, base+"."+string(kind))
	}
	return append(names, s.recorded...)
}

// lookAtTriggers finds those of the service and its parts.
func (s *Service) lookAtTriggers(ctx context.Context, systemd snapshot) error {
	names := append(s.ownTriggers(), s.elsewhere.triggers...)
	slices.Sort(names)
	shown, err := systemd.show(ctx, slices.Compact(names)...)
	if err != nil {
		return err
	}
	for _, p := range shown {
		t, is := s.triggerOf(p)
		recorded := slices.Contains(s.recorded, t.Name) // what it starts may not be loaded any more
		if is && (len(t.starts) > 0 || t.accepts || recorded) {
			s.add(t)
		}
	}
	if s.accepting() != "" {
		return s.lookForInstances(ctx)
	}
	return nil
}

// triggerOf reads a socket, path or timer; is: there is one.
func (s *Service) triggerOf(p properties) (t Trigger, is bool) {
	id := p.get("Id")
	at := strings.LastIndex(id, ".")
	if at < 0 || p.get("LoadState") != "loaded" {
		return t, false
	}
	t = Trigger{
		Kind: Kind(id[at+1:]), Name: id, State: p.get("SubState"), Active: unitOf(p).Runs(),
		accepts: p.get("Accept") == "yes" && strings.TrimSuffix(id, ".socket") == strings.TrimSuffix(s.Unit.ID, ".service"),
		stops:   p.get("Transient") != "yes", // systemd-run(1)'s would be gone for good
		starts:  s.startedBy(wordsOf(p.get("Triggers"))),
	}
	if slices.Contains(s.elsewhere.triggers, id) && !slices.Contains(s.recorded, id) {
		t.Active = true // who restores the other service starts it
	}
	for _, property := range []string{"RequiredBy", "BoundBy", "WantedBy", "UpheldBy"} {
		for _, by := range wordsOf(p.get(property)) {
			t.wanted = t.wanted || !strings.HasSuffix(by, ".target") && len(s.startedBy([]string{by})) == 0
		}
	}
	for _, listen := range p["Listen"] {
		if a, is := parseListen(listen); is {
			t.Listens = append(t.Listens, a)
		}
	}
	return t, true
}

// lookForInstances finds what an Accept=yes socket has started: its stop does not end
// them, systemd.socket(5).
func (s *Service) lookForInstances(ctx context.Context) error {
	pattern := strings.TrimSuffix(s.Unit.ID, ".service") + "@*.service"
	text, err := systemctl(ctx, "list-units", "--plain", "--no-legend", "--", pattern)
	if err != nil {
		return err
	}
	var instances []string
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 0 {
			instances = append(instances, fields[0])
		}
	}
	shown, err := show(ctx, []string{"Id", "TriggeredBy", "ActiveState"}, instances...)
	if err != nil {
		return err
	}
	s.instances = nil
	for i, p := range shown { // not those that somebody has started by name
		started := slices.Contains(wordsOf(p.get("TriggeredBy")), s.accepting()) || numbered(instances[i])
		if unitOf(p).Runs() && started {
			s.instances = append(s.instances, instances[i])
		}
	}
	return nil
}

// numbered reports that an instance is called as systemd calls those that it starts for
// a connection, "foo@7-127.0.0.1:80-..." (instance_from_socket of src/core/socket.c):
// TriggeredBy forgets the socket at each daemon-reload.
func numbered(unit string) bool {
	_, instance, _ := strings.Cut(unit, "@")
	number, _, is := strings.Cut(instance, "-")
	_, err := strconv.ParseUint(number, 10, 32)
	return is && err == nil
}
