package ondemand

import (
	"context"
	"slices"
)

// snapshot is what systemd says of units while one service is looked at, by the names that
// were asked for. Each question is a process, and wakes PID 1: so a unit is asked for once, and
// many at a time.
type snapshot map[string]properties

// snapshotProperties are all that a look at a service wants to know of a unit, of systemd's
// D-Bus interface, org.freedesktop.systemd1(5).
var snapshotProperties = []string{
	"Id", "Names", "LoadState", "ActiveState", "SubState", "SourcePath", "ControlGroup", "KillMode", "MainPID",
	"ExecMainStartTimestampMonotonic", "DropInPaths", "Transient",
	"Triggers", "TriggeredBy", "Accept", "Listen", "ConsistsOf",
	"Requires", "BindsTo", "Wants", "Upholds",
	"RequiredBy", "BoundBy", "WantedBy", "UpheldBy", "OnFailureOf", "OnSuccessOf",
}

// show gives units in their order.
func (s snapshot) show(ctx context.Context, units ...string) (shown []properties, err error) {
	unknown := slices.DeleteFunc(slices.Clone(units), func(unit string) bool { return s[unit] != nil })
	slices.Sort(unknown)
	unknown = slices.Compact(unknown)
	now, err := show(ctx, snapshotProperties, unknown...)
	for i, p := range now {
		s[unknown[i]] = p
	}
	if err != nil {
		return nil, err
	}
	for _, unit := range units {
		shown = append(shown, s[unit])
	}
	return shown, nil
}

// program gives one unit with its ExecStart=, by that name and by its own: see parseShow.
func (s snapshot) program(ctx context.Context, unit string) (properties, error) {
	shown, err := show(ctx, append([]string{"ExecStart"}, snapshotProperties...), unit)
	if err != nil {
		return nil, err
	}
	s[unit], s[shown[0].get("Id")] = shown[0], shown[0]
	return shown[0], nil
}
