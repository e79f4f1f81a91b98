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
	if c.Exec = o.Exec; c.Exec != "" {
		if !filepath.IsAbs(c.Exec) {
			c.Exec = o.Chdir + "/" + c.Exec
		}
		if o.Chroot != "" {
			c.Exec = o.Chroot + "/" + c.Exec
		}
		if !filepath.IsAbs(c.Exec) {
			c.Exec = "/" + c.Exec
		}
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
