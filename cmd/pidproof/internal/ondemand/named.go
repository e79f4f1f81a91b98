package ondemand

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// Matching replaces patterns of units by what they match of those that systemd has in
// memory, as systemctl(1) does.
func Matching(ctx context.Context, units []string) (matching []string, err error) {
	for _, unit := range units {
		if !strings.ContainsAny(unit, "*?[") {
			matching = append(matching, unit)
			continue
		}
		text, err := systemctl(ctx, "list-units", "--all", "--plain", "--no-legend", "--", unit)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(text) {
			if fields := strings.Fields(line); len(fields) > 0 {
				matching = append(matching, fields[0])
			}
		}
	}
	return matching, nil
}

// StopTriggers stops them, as somebody has asked: they are not held off. What stops with them
// does when the real program is called; then it may be held off by others.
func StopTriggers(ctx context.Context, units []string) error { return stopAlone(ctx, units) }

// StoppedWith are the services that run, are started by some triggers, and stop with these:
// acpid's needs its socket, so that Debian 13's prerm stops it by that, and its path unit would
// have it started again.
func StoppedWith(ctx context.Context, triggers []string) (services []string, err error) {
	shown, err := show(ctx, []string{"Id", "Triggers", "RequiredBy", "BoundBy", "ConsistsOf"}, triggers...)
	if err != nil {
		return nil, err
	}
	for _, p := range shown {
		needs := wordsOf(p.get("RequiredBy") + " " + p.get("BoundBy") + " " + p.get("ConsistsOf"))
		for _, unit := range wordsOf(p.get("Triggers")) {
			if slices.Contains(needs, unit) {
				services = with(services, []string{unit})
			}
		}
	}
	return running(ctx, services)
}

// HeldWith are the services that hold something off which somebody is about to start: one
// of the units, or what these trigger, is in their records.
func HeldWith(ctx context.Context, units []string) (services []string, err error) {
	if len(units) == 0 {
		return nil, nil
	}
	held, err := AllHeld()
	if err != nil || len(held) == 0 {
		return nil, err
	}
	if manager, err := Manager(); err != nil || manager != "systemd" {
		return nil, err
	}
	shown, err := show(ctx, []string{"Id", "Names", "Triggers"}, units...)
	if err != nil {
		return nil, err
	}
	starts := slices.Clone(units)
	for _, p := range shown {
		starts = append(starts, wordsOf(p.get("Names")+" "+p.get("Triggers"))...)
	}
	for _, name := range held {
		holds := []string{unitName(name)}
		r, damage := ReadRecord(name) // damage is said where its service is called by name
		if damage != nil && !errors.Is(damage, ErrDamaged) {
			return services, damage
		}
		if r != nil {
			holds = slices.Concat(holds, r.Units, r.Held)
		}
		if slices.ContainsFunc(holds, func(unit string) bool { return slices.Contains(starts, unit) }) {
			services = append(services, name)
		}
	}
	return services, nil
}
