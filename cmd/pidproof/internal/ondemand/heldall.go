package ondemand

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// AllHeld are the services of which something is held off, by the records and by the lines of
// inetd.conf, which outlast a boot. A record that cannot be used is an error, beside the others.
func AllHeld() (services []string, err error) {
	records, err := os.ReadDir(Dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	for _, entry := range records {
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		r, failed := ReadRecord(entry.Name())
		err = errors.Join(err, failed)
		if r != nil && (len(r.Units) > 0 || r.Inetd) {
			services = append(services, r.Service)
		}
	}
	there, failed := isFile(inetdConf)
	if failed == nil && there {
		var content []byte
		content, failed = os.ReadFile(inetdConf)
		for line := range strings.Lines(string(content)) {
			if name, _ := heldName(line); name != "" && holdsOff(string(content), name) {
				services = append(services, name)
			}
		}
	}
	slices.Sort(services)
	return slices.Compact(services), errors.Join(err, failed)
}
