package census

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"pidproof/testdata/lab"
	"pidproof/testdata/must"
)

// standIns stand in front of what starts and stops services, write down what a maintainer script calls, and become it.
// In /usr/local/sbin, which dpkg's scripts look into first.
const standIns = `set -e
mkdir -p /run/census
for name in deb-systemd-invoke invoke-rc.d systemctl service start-stop-daemon update-inetd killall pkill; do
	real=$(command -v "$name") || continue
	cat >/usr/local/sbin/.new <<END
#!/bin/sh
if [ "\$DPKG_MAINTSCRIPT_NAME" ] && [ -z "\$CENSUS_CALL" ]; then
	CENSUS_CALL=$name
	export CENSUS_CALL # what it calls itself is not the script's
	printf '%s\t%s\t%s\t%s\n' "\$(date +%s.%N)" "\$DPKG_MAINTSCRIPT_PACKAGE" "\$DPKG_MAINTSCRIPT_NAME" "$name \$*" >>/run/census/calls
fi
exec $real "\$@"
END
	chmod 755 /usr/local/sbin/.new
	mv /usr/local/sbin/.new "/usr/local/sbin/$name"
done`

// wrappers are put in place as an administrator does it.
const wrappers = `set -e
for name in start-stop-daemon invoke-rc.d deb-systemd-invoke; do
	[ ! -e /usr/share/pidproof/$name ] || sh /usr/share/pidproof/divert add $name
done`

// TestCensus holds Debian's packages to what is promised. `make census` sets PIDPROOF_CENSUS to a file for all that is
// seen, of all packages or of those in PIDPROOF_CENSUS_ONLY, without and with the wrappers; else it is some packages, with
// the wrappers.
func TestCensus(t *testing.T) {
	t.Parallel()
	results, only := os.Getenv("PIDPROOF_CENSUS"), strings.Fields(os.Getenv("PIDPROOF_CENSUS_ONLY"))
	modes := []Mode{Wrapped}
	if results != "" {
		modes = []Mode{Plain, Wrapped}
	}
	for _, group := range Groups() {
		group = slices.DeleteFunc(group, func(p Package) bool {
			return results == "" && !p.Often || len(only) > 0 && !slices.Contains(only, p.Name)
		})
		if len(group) == 0 {
			continue
		}
		for _, mode := range modes {
			t.Run(string(mode)+"/"+group[0].Name, func(t *testing.T) {
				t.Parallel()
				observe(t, mode, group, func(seen Seen) {
					record(t, results, mode, seen)
					judge(t, mode, seen)
				})
			})
		}
	}
}

// judge requires what is promised; of Debian's programs alone it is only recorded.
func judge(t *testing.T, mode Mode, seen Seen) {
	t.Helper()
	if broken := seen.Broken(); mode == Wrapped && len(broken) > 0 {
		t.Errorf("%s of %s:\n%s\nwhat was seen: %+v", seen.Operation, seen.Package, strings.Join(broken, "\n"), seen)
	}
}

// observe takes packages that share a host through their lives: all are installed, then upgraded one after the other, and
// then removed.
func observe(t *testing.T, mode Mode, group []Package, tell func(Seen)) {
	t.Helper()
	h := lab.BootSystemd(t)
	tree := t.TempDir()
	lab.BuildInto(t, tree, "usr/local/sbin/witness", "./witness")
	h.Copy(t, tree, "/")
	if mode == Wrapped {
		pidproof, err := lab.Installed()
		must.Do(t, err)
		h.Copy(t, pidproof, "/")
		h.Must(t, wrappers)
	}
	h.Must(t, standIns)
	h.Must(t, "rm -f /var/lib/man-db/auto-update") // else each dpkg has the pages of the manual indexed
	var names []string
	for _, p := range group {
		names = append(names, p.Name)
	}
	h.Install(t, names...)
	for _, p := range group {
		witness(t, h, Install, p.Name, tell)
	}
	for _, p := range group {
		if p.After != "" {
			h.Must(t, p.After)
		}
	}
	for _, operation := range []Operation{Upgrade, Remove} {
		for _, p := range group {
			witness(t, h, operation, p.Name, tell)
		}
	}
}

// witness reports what cannot be seen as a failure, and goes on: the other packages can.
func witness(t *testing.T, h *lab.Host, operation Operation, name string, tell func(Seen)) {
	t.Helper()
	result := h.Run(t, "witness", string(operation), name)
	var seen Seen
	if err := json.Unmarshal([]byte(result.Stdout), &seen); err != nil || result.Code != 0 {
		t.Errorf("%s of %s: %v: %+v", operation, name, err, result)
		return
	}
	tell(seen)
}

// record adds a line to the results.
func record(t *testing.T, results string, mode Mode, seen Seen) {
	t.Helper()
	if results == "" {
		return
	}
	line, err := json.Marshal(Result{mode, seen})
	must.Do(t, err)
	file, err := os.OpenFile(results, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	must.Do(t, err)
	defer file.Close()
	_, err = file.Write(append(line, '\n')) // whole: hosts write at the same time
	must.Do(t, err)
}

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }
