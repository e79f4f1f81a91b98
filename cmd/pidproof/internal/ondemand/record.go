package ondemand

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/cmd/pidproof/internal/maintscript"
	"pidproof/cmd/pidproof/internal/shellvars"
	"pidproof/cmd/pidproof/internal/wholefile"
)

// Dir holds the records, one file for each service.
const Dir = "/run/pidproof/quiesced"

// Record is what was held off, or that nothing was on purpose.
type Record struct {
	Schema  int      `json:"schema"`
	Service string   `json:"service"`
	Units   []string `json:"units"` // systemd's, in the order in which they are started again
	Held    []string `json:"held"`  // units that are held themselves, see dropIn
	Bound   []string `json:"bound"` // units that stopped with the triggers, and are started with them
	Inetd   bool     `json:"inetd"` // entries of superservers, whose files carry the rest themselves
	Named   []string `json:"named"` // units that somebody has stopped by name since: who starts the service does not start them
	// Packages are those whose maintainer scripts have had it held: once dpkg has done with
	// them, it is given back. None: somebody else wants it held.
	Packages []string `json:"packages"`
	// OnDemand is when the service was stopped with its triggers left armed; 0: it was
	// not.
	OnDemand Moment `json:"on_demand"`
}

// What is held off; nothing where there is no record.
func (r *Record) What() (names []string) {
	if r == nil {
		return nil
	}
	names = append(append(names, r.Units...), r.Held...)
	if r.Inetd {
		files, err := heldFiles(r.Service)
		if err != nil || len(files) == 0 { // it holds off what cannot be read, or nothing any more
			files = []string{inetdConf}
		}
		names = append(names, files...)
	}
	return names
}

const recordSchema = 1

// ErrDamaged is wrapped where a record cannot be used.
var ErrDamaged = errors.New("is no record")

func recordPath(service string) string { return filepath.Join(Dir, service) }

// ReadRecord reads a service's record; none is nil. A damaged one is ErrDamaged.
func ReadRecord(service string) (*Record, error) {
	path := recordPath(service)
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() || st.Size() > shellvars.Limit {
		return nil, fmt.Errorf("%s %w: remove it", path, ErrDamaged)
	}
	if err := shellvars.Trusted(path, st); err != nil {
		// Without Trusted's advice: chown would have root believe what somebody else may have written.
		why, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), path), ": ch")
		return nil, fmt.Errorf("%s %w: it%s; remove it, and look at the triggers (pidproof triggers %s)", path, ErrDamaged, why, service)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r, err := parseRecord(content)
	if err == nil && r.Service != service {
		err = fmt.Errorf("it is one of %s", r.Service)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %w: %w; remove it, and look at the triggers (pidproof triggers %s)", path, ErrDamaged, err, service)
	}
	return r, nil
}

func parseRecord(content []byte) (*Record, error) {
	r := new(Record)
	if err := json.Unmarshal(content, r); err != nil {
		return nil, err
	}
	if r.Schema != recordSchema {
		return nil, fmt.Errorf("schema %d is unknown", r.Schema)
	}
	for _, unit := range append(slices.Clone(r.Units), r.Named...) {
		if kindOf(unit) == "" {
			return nil, fmt.Errorf("%q is no trigger", unit)
		}
	}
	for _, name := range r.Packages {
		if !maintscript.IsAwaited(name) {
			return nil, fmt.Errorf("%q is no package", name)
		}
	}
	for _, unit := range append(slices.Clone(r.Held), r.Bound...) {
		if !isUnitName(unit) || unit[0] == '-' {
			return nil, fmt.Errorf("%q is no unit", unit)
		}
	}
	return r, nil
}

// kindOf is the kind of a unit that is held off, "" of any other.
func kindOf(unit string) Kind {
	kind := Kind(filepath.Ext(unit))
	if kind != "" && slices.Contains([]Kind{Socket, Path, Timer}, kind[1:]) && unit[0] != '-' && !strings.ContainsAny(unit, "/*?[") {
		return kind[1:]
	}
	return ""
}

// write writes the record, whole or not at all.
func (r Record) write() error {
	content, err := r.content()
	if err != nil {
		return err
	}
	if err := makeDir(); err != nil {
		return err
	}
	return wholefile.Write(recordPath(r.Service), content, 0o600)
}

func (r Record) content() ([]byte, error) {
	r.Schema = recordSchema
	content, err := json.Marshal(r)
	return append(content, '\n'), err
}

func removeRecord(service string) error {
	if err := os.Remove(recordPath(service)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func makeDir() error { return makeDirs(filepath.Dir(Dir), Dir) }

func makeDirs(dirs ...string) error {
	for _, dir := range dirs {
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		st, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if err := shellvars.Trusted(dir, st); err != nil {
			return err
		}
	}
	return nil
}

// lock keeps two runs from changing the triggers of a service, or inetd.conf, at the
// same time, until ctx ends. Where no lock can be had, nothing can be recorded either.
func lock(ctx context.Context, what string) (unlock func(), err error) {
	if err := makeDir(); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(Dir, "."+what), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) || ctx.Err() != nil {
			file.Close()
			return nil, fmt.Errorf("another pidproof holds off or restores triggers at this moment: %w", ErrNoAnswer)
		}
		time.Sleep(standingTick)
	}
}
