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

// StopTriggers stops them, as somebody has asked: they are not held off.
func StopTriggers(ctx context.Context, units []string) error {
	_, err := systemctl(ctx, append([]string{"stop", "--"}, units...)...)
	return err
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
