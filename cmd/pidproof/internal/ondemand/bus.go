package ondemand

import (
	"bufio"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// busDirs hold what D-Bus may activate on the system bus, dbus-daemon(1).
var busDirs = []string{
	"/run/dbus-1/system-services", "/etc/dbus-1/system-services", "/usr/local/share/dbus-1/system-services",
	"/usr/share/dbus-1/system-services", "/lib/dbus-1/system-services",
}

// busSocket is there while the system bus is, dbus-daemon(1).
const busSocket = "/run/dbus/system_bus_socket"

// busNames are the names on the bus whose first message has systemd start a unit, by that
// unit, as the bus has its name.
type busNames struct {
	up    bool // the bus
	names map[string][]string
}

// of are the names that start a unit, which has several of its own.
func (b busNames) of(unit []string) (names []string) {
	for _, name := range unit {
		for _, one := range b.names[name] {
			if !slices.Contains(names, one) {
				names = append(names, one)
			}
		}
	}
	slices.Sort(names)
	return names
}

// started are the units that it may have started now.
func (b busNames) started() []string {
	if !b.up {
		return nil
	}
	return slices.Sorted(maps.Keys(b.names))
}

func (b busNames) state() string {
	if b.up {
		return "activatable"
	}
	return "no bus"
}

// lookAtBus reads what the bus may have started.
func lookAtBus() (bus busNames, err error) {
	bus = busNames{names: map[string][]string{}}
	_, err = os.Stat(busSocket)
	if bus.up = err == nil; err != nil && !errors.Is(err, fs.ErrNotExist) {
		return bus, err
	}
	seen := map[string]bool{}
	for _, dir := range busDirs {
		files, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return bus, err
		}
		for _, file := range files {
			if filepath.Ext(file.Name()) != ".service" || strings.HasPrefix(file.Name(), ".") {
				continue
			}
			name, unit, err := readBusService(filepath.Join(dir, file.Name()))
			if err != nil {
				return bus, err
			}
			if !seen[name] && strings.HasSuffix(unit, ".service") && isUnitName(unit) { // the first directory counts
				bus.names[unit] = append(bus.names[unit], name)
			}
			seen[name] = true
		}
	}
	return bus, nil
}

// busTriggers are the names that start the service, or a part of it.
func (s *Service) busTriggers(bus busNames) {
	for _, unit := range s.units() {
		for _, name := range bus.of(append(unit.Names, unit.ID)) {
			s.add(Trigger{
				Kind: DBus, Name: name, State: bus.state(), Active: bus.up, starts: []string{unit.ID},
			})
		}
	}
}

// readBusService reads the name and the unit of one, "" where it has none:
// https://dbus.freedesktop.org/doc/dbus-specification.html#message-bus-starting-services
func readBusService(path string) (name, unit string, err error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) { // removed since
		return "", "", nil
	}
	if err != nil {
		return "", "", err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), "=")
		switch strings.TrimSpace(key) {
		case "Name":
			name = strings.TrimSpace(value)
		case "SystemdService":
			unit = strings.TrimSpace(value)
		}
	}
	return name, unit, unread(path, lines.Err())
}

// isUnitName reports that systemctl(1) takes a name for one unit's, and no template's:
// systemd.unit(5).
func isUnitName(name string) bool {
	const others = ":-_.\\@"
	odd := strings.ContainsFunc(name, func(r rune) bool {
		return !strings.ContainsRune(others, r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	return name != "" && len(name) <= nameMax && !odd && !strings.Contains(name, "@.")
}
