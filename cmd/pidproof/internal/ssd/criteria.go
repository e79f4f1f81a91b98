package ssd

import (
	"path/filepath"

	"pidproof/cmd/pidproof/internal/cwd"
	"pidproof/matcher"
)

// CriteriaOf is what the matching options ask for. As dpkg's, a relative
// executable is one of --chdir, by default of /, and all are of --chroot.
func CriteriaOf(o Options) (matcher.Criteria, error) {
	c := matcher.Criteria{PID: o.PID, PPID: o.PPID, Name: o.Name}
	if o.Pidfile != "" {
		c.Pidfile = cwd.Absolute(o.Pidfile)
	}
	if o.Exec != "" {
		c.Exec = o.place(o.Exec)
	}
	if o.User == "" {
		return c, nil
	}
	uid, err := parseUnsigned(o.User, 10)
	if err != nil {
		if uid, err = lookUp(users, o.User); err != nil {
			return c, err
		}
	}
	c.UID = &uid
	return c, nil
}

// place is where a path leads to from --chdir and --chroot.
func (o Options) place(path string) string {
	if !filepath.IsAbs(path) {
		path = o.Chdir + "/" + path
	}
	if o.Chroot != "" {
		path = o.Chroot + "/" + path
	}
	if !filepath.IsAbs(path) {
		path = "/" + path
	}
	return path
}
