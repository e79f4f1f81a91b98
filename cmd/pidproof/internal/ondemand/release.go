package ondemand

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"pidproof/cmd/pidproof/internal/maintscript"
)

// Awaited are the services that maintainer scripts have had held off, or what they have
// stopped by its name: until dpkg has done with their packages. What cannot be read is
// nobody's to give back.
func Awaited() (services []string, err error) {
	records, err := os.ReadDir(Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range records {
		if name, err := ParseName(e.Name()); err == nil {
			if r, _ := ReadRecord(name); r != nil && len(r.Packages) > 0 {
				services = append(services, name)
			}
		}
	}
	return services, err
}

// Released is what Release has done.
type Released struct {
	Tried     bool // dpkg has done with the packages
	Restored  []string
	Restarted bool // see Restore
}

// Release restores what is held off of a service for packages with which dpkg has done. Who
// holds it off anew at this moment for one does so before, and dpkg has noted that it has not,
// or after.
func Release(ctx context.Context, service string, done func(context.Context, []string) (bool, error)) (d Released, err error) {
	unlock, err := lock(ctx, service)
	if err != nil {
		return d, err
	}
	defer unlock()
	r, err := ReadRecord(service)
	if r == nil || err != nil || len(r.Packages) == 0 {
		return d, err
	}
	if d.Tried, err = done(ctx, r.Packages); err != nil || !d.Tried {
		return d, err
	}
	if d.Tried, err = r.successorsDone(ctx, done); err != nil || !d.Tried {
		return d, err
	}
	r.Named = nil
	d.Restored, d.Restarted, err = r.restore(ctx)
	return d, err
}

// successorsDone: a package that was removed may have been replaced by another, which has the
// service's files, and is not configured yet. It is waited for, too.
func (r *Record) successorsDone(ctx context.Context, done func(context.Context, []string) (bool, error)) (bool, error) {
	owners, settled, err := maintscript.Owners(ctx, r.files())
	if err != nil || !settled {
		return false, err
	}
	if owners = without(owners, r.Packages); len(owners) == 0 {
		return true, nil
	}
	if is, err := done(ctx, owners); is || err != nil {
		return is, err
	}
	r.Packages = with(r.Packages, owners)
	return false, r.write()
}

// files are where packages have the units of a record, and its init script.
func (r *Record) files() []string {
	paths := []string{"/etc/init.d/" + r.Service}
	for _, unit := range with(append([]string{unitName(r.Service)}, r.Units...), r.Held) {
		if template, _, is := strings.Cut(unit, "@"); is {
			unit = template + "@" + filepath.Ext(unit)
		}
		paths = append(paths, "/lib/systemd/system/"+unit, "/usr/lib/systemd/system/"+unit)
	}
	return paths
}
