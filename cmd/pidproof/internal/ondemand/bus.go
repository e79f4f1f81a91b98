package ondemand

import (
	"bufio"
	"errors"
	"io/fs"
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
func (s *Service) busTriggers() (found []Trigger, err error) {
	state := "activatable"
	if _, err := os.Stat(busSocket); errors.Is(err, fs.ErrNotExist) {
		state = "no bus"
	} else if err != nil {
		return nil, err
	}
	for _, dir := range busDirs {
		files, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return found, err
		}
		for _, file := range files {
			if filepath.Ext(file.Name()) != ".service" || strings.HasPrefix(file.Name(), ".") {
				continue
			}
			name, unit, err := readBusService(filepath.Join(dir, file.Name()))
			if err != nil {
				return found, err
			}
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
	return found, nil
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
