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
	Started    Moment // its main process
	UpheldBy   []string
	Activators []string // TriggeredBy=
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

// Of systemd's D-Bus interface, org.freedesktop.systemd1(5).
var unitProperties = []string{
	"Id", "Names", "LoadState", "ActiveState", "SourcePath", "ExecStart", "ControlGroup", "KillMode", "MainPID",
	"ExecMainStartTimestampMonotonic", "UpheldBy", "TriggeredBy",
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
		UpheldBy: wordsOf(p.get("UpheldBy")), Activators: wordsOf(p.get("TriggeredBy")),
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

var triggerProperties = []string{"Id", "LoadState", "ActiveState", "SubState", "Triggers", "Accept", "Listen"}

// lookAtUnit asks systemd. Triggers of the service's own name are asked for, too:
// TriggeredBy= has those that are loaded.
func (s *Service) lookAtUnit(ctx context.Context) error {
	shown, err := show(ctx, unitProperties, unitName(s.Name))
	if err != nil {
		return err
	}
	unit := unitOf(shown[0])
	s.Unit = &unit
	if unit.Load == "loaded" && strings.HasSuffix(unit.ID, ".service") { // of an alias, what it stands for
		s.Name = strings.TrimSuffix(unit.ID, ".service")
	}
	base := strings.TrimSuffix(unitName(s.Name), ".service")
	names := slices.Clone(unit.Activators)
	for _, kind := range []Kind{Socket, Path, Timer} {
		if own := base + "." + string(kind); !slices.Contains(names, own) {
			names = append(names, own)
		}
	}
	if shown, err = show(ctx, triggerProperties, names...); err != nil {
		return err
	}
	for _, p := range shown {
		s.addTrigger(p)
	}
	if s.accepting() != "" {
		if err := s.lookForInstances(ctx); err != nil {
			return err
		}
	}
	return s.lookAtUpholders(ctx)
}

func (s *Service) addTrigger(p properties) {
	id := p.get("Id")
	at := strings.LastIndex(id, ".")
	accepts := p.get("Accept") == "yes" && strings.TrimSuffix(id, ".socket") == strings.TrimSuffix(s.Unit.ID, ".service")
	starts := slices.ContainsFunc(wordsOf(p.get("Triggers")), func(name string) bool {
		return name == s.Unit.ID || slices.Contains(s.Unit.Names, name)
	})
	if at < 0 || p.get("LoadState") != "loaded" || !starts && !accepts {
		return
	}
	t := Trigger{
		Kind: Kind(id[at+1:]), Name: id, State: p.get("SubState"),
		Active: p.get("ActiveState") != "inactive" && p.get("ActiveState") != "failed", Holdable: true,
		accepts: accepts,
	}
	for _, listen := range p["Listen"] {
		if a, is := parseListen(listen); is {
			t.Listens = append(t.Listens, a)
		}
	}
	s.Triggers = append(s.Triggers, t)
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

// lookAtUpholders: "Upholds=" starts the unit again as long as the other is active,
// systemd.unit(5).
func (s *Service) lookAtUpholders(ctx context.Context) error {
	shown, err := show(ctx, []string{"Id", "ActiveState"}, s.Unit.UpheldBy...)
	if err != nil {
		return err
	}
	for _, p := range shown {
		state := p.get("ActiveState")
		s.Triggers = append(s.Triggers, Trigger{
			Kind: Upholds, Name: p.get("Id"), State: state,
			Active: state == "active" && s.Unit.Load != "masked",
		})
	}
	return nil
}
