package lab

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// What runs of a service is told from the host's /proc alone, without pidproof.

// running lists the processes that run the service's file, of now or of before it was replaced, and its wrappers.
func (c compared) running(t *testing.T, h *Host) (pids []int) {
	t.Helper()
	dirs, err := filepath.Glob(h.path("root/proc/[0-9]*"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("the host's /proc: %q, %v", dirs, err)
	}
	for _, dir := range dirs {
		exe, err := os.Readlink(dir + "/exe")
		arguments, unread := os.ReadFile(dir + "/cmdline")
		switch err := cmp.Or(err, unread); {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ESRCH):
			continue // a zombie, or it has ended meanwhile
		case err != nil:
			t.Fatal(err)
		}
		line := strings.ReplaceAll(string(arguments), "\x00", " ")
		if c.wrapper != "" && strings.HasPrefix(line, c.wrapper+" ") ||
			strings.TrimSuffix(exe, " (deleted)") == c.exe && (c.arguments == nil || c.arguments.MatchString(line)) {
			pid, err := strconv.Atoi(filepath.Base(dir))
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

// apart tells those that ran before from the others.
func apart(now, before []int) (kept, fresh []int) {
	for _, pid := range now {
		if slices.Contains(before, pid) {
			kept = append(kept, pid)
		} else {
			fresh = append(fresh, pid)
		}
	}
	return kept, fresh
}

// told is what the table says of them. A new one counts once the pidfile names it, and an innocent has to live.
func (c compared) told(t *testing.T, h *Host, kept, fresh []int) string {
	t.Helper()
	read := func(file string) string {
		content, err := os.ReadFile(h.path("root" + file))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		return string(content)
	}
	var said []string
	if len(kept) > 0 {
		said = append(said, fmt.Sprint(len(kept), " kept"))
	}
	if len(fresh) > 0 {
		said = append(said, fmt.Sprint(len(fresh), " new"))
	}
	if len(said) == 0 {
		said = []string{"none"}
	}
	isNew := func(word string) bool { return slices.Contains(fresh, number(word)) }
	if len(fresh) > 0 && !slices.ContainsFunc(strings.Fields(read(c.pidfile)), isNew) {
		said = append(said, "which the pidfile does not name")
	}
	if innocent := number(read(c.innocent())); innocent != 0 {
		if _, err := os.Readlink(h.path(fmt.Sprintf("root/proc/%d/exe", innocent))); err != nil {
			said = append(said, "and an innocent has ended")
		}
	}
	return strings.Join(said, ", ")
}

// innocent is a file with the PID of whoever has the number that was the service's.
func (c compared) innocent() string { return "/run/innocent." + c.name }

// happens is a shell script that does something to a service of which these processes run.
func (c compared) happens(running []int, what string) string {
	return fmt.Sprintf("set -e; PIDFILE=%s FILES='%s' RUNNING='%s' OWNER=%s OTHER='%s' INNOCENT=%s\n%s\n%s", c.pidfile, strings.Join(append(c.files, c.exe), " "),
		strings.Trim(fmt.Sprint(running), "[]"), c.user, cmp.Or(c.other, "sleep 36000"), c.innocent(), happenings, what)
}

const happenings = `
# As dpkg does it: the old file keeps a link until the new one has its name. Two services may run one file.
replace() {
	exec 9>/run/replacing
	flock 9
	for file in $FILES; do
		cp -p "$file" "$file.dpkg-new" && ln "$file" "$file.dpkg-tmp" && mv "$file.dpkg-new" "$file" && rm "$file.dpkg-tmp"
	done
	exec 9>&-
}
crash() {
	kill -KILL $RUNNING 2>/dev/null || : # a master's workers may end with it
	for pid in $RUNNING; do while [ -e "/proc/$pid" ]; do sleep 0.01; done; done
}
clear() {
	[ ! -e "$INNOCENT" ] || RUNNING=$(cat "$INNOCENT") crash
	rm -f "$INNOCENT"
}
# The number in the pidfile, which is old, has gone to another program of the same user.
recycle() {
	crash
	clear
	setpriv --reuid="$OWNER" --regid="$OWNER" --clear-groups $OTHER </dev/null >/dev/null 2>&1 &
	while [ "$(readlink "/proc/$!/exe")" != "$(readlink -f "/usr/bin/${OTHER%% *}")" ]; do sleep 0.01; done
	echo "$!" >"$PIDFILE"
	touch -d '1 hour ago' "$PIDFILE"
	cp -p "$PIDFILE" "$INNOCENT"
}
`
