package ondemand

import (
	"bufio"
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

// busTriggers are the names on the bus whose first message has systemd start the unit,
// under one of its names. Nothing less than a mask holds that off.
func (s *Service) busTriggers() (found []Trigger) {
	state := "no bus"
	if _, err := os.Stat(busSocket); err == nil {
		state = "activatable"
	}
	for _, dir := range busDirs {
		files, _ := filepath.Glob(filepath.Join(dir, "*.service")) // a pattern without faults has no error
		for _, path := range files {
			name, unit := readBusService(path)
			if unit != s.Unit.ID && !slices.Contains(s.Unit.Names, unit) {
				continue
			}
			if slices.ContainsFunc(found, func(t Trigger) bool { return t.Name == name }) {
				continue // the first directory counts
			}
			found = append(found, Trigger{
				Kind: DBus, Name: name, State: state,
				Active: state == "activatable" && s.Unit.Load == "loaded",
			})
		}
	}
	return found
}

// readBusService reads the name and the unit of one, "" where it has none:
// https://dbus.freedesktop.org/doc/dbus-specification.html#message-bus-starting-services
func readBusService(path string) (name, unit string) {
	file, err := os.Open(path)
	if err != nil {
		return "", ""
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), "=")
		switch strings.TrimSpace(key) {
		case "Name":
			name = strings.TrimSpace(value)
		case "SystemdService":
			unit = strings.TrimSpace(value)
		}
	}
	return name, unit
}
