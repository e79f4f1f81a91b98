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

// HeldWith are the services that are held off and that the triggers would start: they
// are among what a record has, or systemd says so.
func HeldWith(ctx context.Context, triggers []string) (services []string, err error) {
	if len(triggers) == 0 {
		return nil, nil
	}
	held, err := AllHeld()
	if err != nil || len(held) == 0 {
		return nil, err
	}
	for _, name := range held {
		r, damage := ReadRecord(name) // damage is said where its service is called by name
		if r != nil && slices.ContainsFunc(triggers, func(t string) bool { return slices.Contains(r.Units, t) }) {
			services = append(services, name)
		}
		if damage != nil && !errors.Is(damage, ErrDamaged) {
			return services, damage
		}
	}
	shown, err := show(ctx, []string{"Id", "Triggers"}, triggers...)
	if err != nil {
		return services, err
	}
	for _, p := range shown {
		for _, unit := range wordsOf(p.get("Triggers")) {
			if name, err := ParseName(unit); err == nil && slices.Contains(held, name) {
				services = append(services, name)
			}
		}
	}
	slices.Sort(services)
	return slices.Compact(services), nil
}
