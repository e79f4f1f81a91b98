package ssd

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"time"
)

// database is one of getent(1)'s.
type database struct{ name, what string }

var (
	users  = database{"passwd", "user"}
	groups = database{"group", "group"}
)

// lookUp gives the number of a user or a group: from /etc/passwd or /etc/group and, as
// a static binary cannot ask a directory service, by getent(1).
func lookUp(in database, name string) (id int, err error) {
	text := ""
	if in == users {
		if u, err := user.Lookup(name); err == nil {
			text = u.Uid
		}
	} else if g, err := user.LookupGroup(name); err == nil {
		text = g.Gid
	}
	if text == "" {
		fields, err := getent(in, name)
		if err != nil {
			return 0, err
		}
		if fields == nil || fields[0] != name {
			return 0, fmt.Errorf("%s %q not found", in.what, name)
		}
		text = fields[2]
	}
	return strconv.Atoi(text)
}

// lookUpNumber sees that a user of this number has a name.
func lookUpNumber(uid int) error {
	text := strconv.Itoa(uid)
	if _, err := user.LookupId(text); err == nil {
		return nil
	}
	fields, err := getent(users, text)
	if err == nil && (fields == nil || fields[2] != text) {
		err = fmt.Errorf("user %s not found", text)
	}
	return err
}

// getent gives the fields of an entry; nil: there is none, or no getent on this host.
func getent(in database, key string) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), getentPatience)
	defer cancel()
	command := exec.CommandContext(ctx, "getent", in.name, "--", key)
	command.WaitDelay = time.Second
	line, err := command.Output()
	exit := (*exec.ExitError)(nil)
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.As(err, &exit) && exit.ExitCode() == notFound:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%s %q could not be looked up: %w", in.what, key, err)
	}
	if fields := strings.Split(strings.TrimSuffix(string(line), "\n"), ":"); len(fields) > 2 {
		return fields, nil
	}
	return nil, nil
}

const (
	getentPatience = 5 * time.Second
	notFound       = 2 // getent(1), EXIT STATUS
)
