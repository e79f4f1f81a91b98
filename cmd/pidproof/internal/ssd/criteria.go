package ssd

import (
	"context"
	"fmt"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

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
	uid, err := strconv.Atoi(o.User)
	if err != nil || uid < 0 {
		if uid, err = lookUpUser(o.User); err != nil {
			return c, err
		}
	}
	c.UID = &uid
	return c, nil
}

// lookUpUser asks /etc/passwd and, as a static binary cannot ask a directory
// service, getent(1).
func lookUpUser(name string) (uid int, err error) {
	if u, err := user.Lookup(name); err == nil {
		return strconv.Atoi(u.Uid)
	}
	ctx, cancel := context.WithTimeout(context.Background(), getentPatience)
	defer cancel()
	getent := exec.CommandContext(ctx, "getent", "passwd", "--", name)
	getent.WaitDelay = time.Second
	line, err := getent.Output()
	if fields := strings.Split(string(line), ":"); err == nil && len(fields) > 2 && fields[0] == name {
		return strconv.Atoi(fields[2])
	}
	return 0, fmt.Errorf("user %q not found", name)
}

const getentPatience = 5 * time.Second
