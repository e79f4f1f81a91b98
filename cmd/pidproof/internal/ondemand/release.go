package ondemand

import (
	"context"
	"errors"
	"io/fs"
	"os"
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
	r.Named = nil
	d.Restored, d.Restarted, err = r.restore(ctx)
	return d, err
}
