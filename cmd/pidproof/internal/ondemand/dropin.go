package ondemand

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"pidproof/cmd/pidproof/internal/wholefile"
)

// A unit is held itself by a drop-in, systemd.unit(5), with an assertion that a mark is not
// there: who removes the mark releases it, at once, and what is left of the drop-in then
// refuses nothing. What systemd 252 does with it was tried:
//
//   - A runtime mask does nothing for a unit whose file is in /etc. It has systemd forget
//     ExecStop= of a service that runs, so that it could be made only after the stop, when
//     the service may be back; deb-systemd-invoke and invoke-rc.d pass a masked unit over
//     and exit 0, and "systemctl enable" and "preset" fail. The drop-in does none of that.
//   - ConditionPathExists= has "systemctl start" exit 0 and start nothing. An assertion is
//     refused aloud, and "systemctl status" has the Description=.
//   - A message to a name on the bus waits, for dbus-daemon's 25 seconds, and is answered if
//     the service is started meanwhile. Upholds= tries, and once the drop-in is gone, again.
//   - A socket or path that is left armed before it runs into its trigger limit at the first
//     client, and is failed: those are stopped. A timer goes on.
const dropInDir = "/run/systemd/system"

// dropInPath is that of the drop-in by which a service's record holds a unit.
func dropInPath(unit, service string) string {
	return filepath.Join(dropInDir, unit+".d", "zz-pidproof-"+service+".conf")
}

// mayHaveDropIn reports that a unit can have drop-ins: the longest names leave no room.
func mayHaveDropIn(unit string) bool { return len(unit)+len(".d") <= nameMax }

const nameMax = 255 // NAME_MAX, limits.h

// markDir holds the marks, one for each service whose units are held.
const markDir = "/run/pidproof/held"

func markPath(service string) string { return filepath.Join(markDir, service) }

// dropIn is the content. No name of a unit or a service holds a specifier or a blank.
func dropIn(service string) string {
	return fmt.Sprintf(`# Written by pidproof, which removes it: invoke-rc.d %[1]s start, or pidproof unquiesce %[1]s.
# Where that is gone: rm %[2]s
[Unit]
Description=%[1]s, held off (pidproof unquiesce %[1]s)
Documentation=man:pidproof-ondemand(8)
AssertPathExists=!%[2]s
`, service, markPath(service))
}

// patient has a socket wait for its service to be released, instead of giving up at the
// first client; where that does not come, for seconds.
const patient = "# Written by pidproof, which removes it\n[Socket]\nTriggerLimitIntervalSec=10s\nTriggerLimitBurst=20000\n"

// holdUnits has systemd refuse to start the units that a record holds, and sees to it that
// it does.
func (r Record) holdUnits(ctx context.Context) error {
	if len(r.Held) == 0 {
		return nil
	}
	written, err := writeDropIns(r.Held, r.Service, dropIn(r.Service))
	if err != nil {
		return err
	}
	loose, err := r.loose(ctx)
	if err != nil {
		return err
	}
	if len(loose) > 0 || written {
		if _, err := systemctl(ctx, "daemon-reload"); err != nil {
			return err
		}
		if loose, err = r.loose(ctx); err != nil {
			return err
		}
	}
	if len(loose) > 0 {
		return fmt.Errorf("%s cannot be held: systemd does not read %s: systemctl status %[1]s", loose[0], dropInPath(loose[0], r.Service))
	}
	if err := makeDirs(filepath.Dir(markDir), markDir); err != nil {
		return err
	}
	return wholefile.Write(markPath(r.Service), []byte("held off until: pidproof unquiesce "+r.Service+"\n"), 0o644)
}

// writeDropIns reports whether there is something new for systemd to read.
func writeDropIns(units []string, service, content string) (written bool, err error) {
	for _, unit := range units {
		path := dropInPath(unit, service)
		old, err := os.ReadFile(path)
		switch {
		case err == nil && string(old) == content:
			continue
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return written, err
		}
		if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return written, err
		}
		if err := wholefile.Write(path, []byte(content), 0o644); err != nil {
			return written, err
		}
		written = true
	}
	return written, nil
}

// readySockets makes sockets wait that are started while their services are held yet: what
// upholds a service has it run again at once when it is released, and systemd starts no
// socket of a service that runs.
func (r Record) readySockets(ctx context.Context, sockets []string) error {
	marked, err := isFile(markPath(r.Service))
	if err != nil || !marked || len(sockets) == 0 {
		return err
	}
	written, err := writeDropIns(sockets, r.Service, patient)
	if err == nil && written {
		_, err = systemctl(ctx, "daemon-reload")
	}
	return err
}

// loose are those of the units that a record holds whose drop-in systemd has not read.
func (r Record) loose(ctx context.Context) (units []string, err error) {
	shown, err := show(ctx, []string{"Id", "LoadState", "DropInPaths"}, r.Held...)
	for i, p := range shown {
		masked := p.get("LoadState") == "masked" // since: nobody starts it
		if !masked && !slices.Contains(wordsOf(p.get("DropInPaths")), dropInPath(r.Held[i], r.Service)) {
			units = append(units, r.Held[i])
		}
	}
	return units, err
}

// dropIns are the units that have a drop-in of a service: also those of which no record
// tells any more.
func dropIns(service string) (units []string, err error) {
	dirs, err := os.ReadDir(dropInDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, dir := range dirs {
		unit, is := strings.CutSuffix(dir.Name(), ".d")
		if !is || !dir.IsDir() {
			continue
		}
		there, err := isFile(dropInPath(unit, service))
		if err != nil {
			return units, err
		}
		if there {
			units = append(units, unit)
		}
	}
	return units, nil
}

// removeDropIns removes a service's, and no directory that holds anything else.
func removeDropIns(service string) (units []string, err error) {
	units, err = dropIns(service)
	for _, unit := range units {
		path := dropInPath(unit, service)
		if failed := os.Remove(path); failed != nil && !errors.Is(failed, fs.ErrNotExist) {
			err = errors.Join(err, failed)
		}
		_ = os.Remove(filepath.Dir(path)) // an administrator's drop-in may be in it
	}
	return units, err
}

// releaseUnits has systemd start again what a service's record holds.
func (r Record) releaseUnits(ctx context.Context) error {
	if err := removeMark(r.Service); err != nil {
		return err
	}
	removed, err := removeDropIns(r.Service)
	if err != nil || len(removed)+len(r.Held) == 0 {
		return err
	}
	_, err = systemctl(ctx, "daemon-reload") // of a run that was interrupted, the files may be gone already
	return err
}

// LetStart has systemd refuse some units no more, whichever services hold them, and does not
// ask it: it may not answer. What else the records hold off stays so, to be given back later.
func LetStart(units []string) error {
	held, err := AllHeld()
	for _, name := range held {
		holds := []string{unitName(name)}
		if r, _ := ReadRecord(name); r != nil { // one that is damaged is said where its service is called by name
			holds = slices.Concat(holds, r.Units, r.Held)
		}
		if slices.ContainsFunc(holds, func(unit string) bool { return slices.Contains(units, unit) }) {
			err = errors.Join(err, removeMark(name))
		}
	}
	return err
}

func removeMark(service string) error {
	if err := os.Remove(markPath(service)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// unrecorded is what is to be released of a service without a record: somebody has removed
// that, or it is damaged.
func unrecorded(service string) (*Record, error) {
	marked, err := isFile(markPath(service))
	if err != nil || !marked {
		return nil, err
	}
	r := &Record{Service: service}
	units, err := dropIns(service)
	for _, unit := range units {
		if strings.HasSuffix(unit, ".service") {
			r.Held = append(r.Held, unit)
		}
	}
	return r, err
}
