package lab

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What apt's hook says and does after an upgrade, as /etc/default/pidproof has it.

// reported is what after-upgrade prints of instances.
func (f fleet) reported(t *testing.T, services ...service) (lines []string) {
	t.Helper()
	lines = append(lines, "These instances still run the binary of before an upgrade:")
	for _, s := range services {
		lines = append(lines, fmt.Sprintf("%s PID %d invoke-rc.d %s restart", s.name, s.pid(t, f.Host), s.name))
	}
	return append(lines, `"pidproof restart --replaced" restarts them one after another.`)
}

// contains requires that these lines stand in a text, one after another, but for blanks.
func contains(t *testing.T, what, text string, want ...string) {
	t.Helper()
	if !strings.Contains("\n"+strings.Join(squeezed(text), "\n")+"\n", "\n"+strings.Join(want, "\n")+"\n") {
		t.Errorf("%s says\n%s\nwant\n%s", what, text, strings.Join(want, "\n"))
	}
}

// afterUpgrade runs what the hook runs, and requires that it exits with 0.
func (f fleet) afterUpgrade(t *testing.T) Result {
	t.Helper()
	result := f.Run(t, "pidproof", "after-upgrade")
	if result.Code != 0 {
		t.Errorf("after-upgrade: %+v, want exit 0", result)
	}
	return result
}

// parts are what is said of the registered instances, and of the others.
func parts(said string) (registered, others string) {
	registered, others, _ = strings.Cut(said, "Not registered, but running the binary of before an upgrade:\n")
	return registered, others
}

// mode sets AFTER_UPGRADE until the test ends.
func (f fleet) mode(t *testing.T, mode string) {
	t.Helper()
	f.Must(t, "umask 022; echo 'AFTER_UPGRADE="+mode+"' >/etc/default/pidproof")
	t.Cleanup(func() { f.Must(t, "rm -f /etc/default/pidproof") })
}

// Most runs of apt have nothing to do with any of these daemons.
func (f fleet) nothingToSay(t *testing.T) {
	f.undisturbed(t, f.all()...)
	if result := f.afterUpgrade(t); result != (Result{}) {
		t.Errorf("after-upgrade: %+v, want nothing", result)
	}
}

// Without /etc/default/pidproof.
func (f fleet) report(t *testing.T) {
	f.undisturbed(t, f.registered...)
	result := f.apt(t)
	contains(t, "apt-get", result.Stdout, f.reported(t, f.registered...)...)
	registered, others := parts(result.Stdout)
	if pid := f.other.pid(t, f.Host); !names(others, pid) {
		t.Errorf("apt-get does not name PID %d of %s, which is not registered:\n%s", pid, f.other.name, result.Stdout)
	}
	if n := strings.Count(registered+result.Stderr, "PID "); n != len(f.registered) {
		t.Errorf("apt-get names %d processes, want %d:\n%s%s", n, len(f.registered), result.Stdout, result.Stderr)
	}
	for _, s := range f.registered {
		if exe := f.Must(t, fmt.Sprintf("readlink /proc/%d/exe", s.pid(t, f.Host))); exe != s.daemon+" (deleted)\n" {
			t.Errorf("%s is reported, and runs %q", s.name, exe)
		}
	}
	f.mode(t, "report")
	again := f.afterUpgrade(t)
	registered, _ = parts(again.Stdout)
	says(t, "after-upgrade", registered, f.reported(t, f.registered...)...)
	says(t, "after-upgrade, on stderr,", again.Stderr)
}

func (f fleet) off(t *testing.T) {
	f.undisturbed(t, f.registered...)
	f.mode(t, "off")
	if result := f.afterUpgrade(t); result != (Result{}) {
		t.Errorf("after-upgrade: %+v, want nothing", result)
	}
	f.aptQuiet(t)
}

// aptQuiet requires that apt does its work without a word of pidproof.
func (f fleet) aptQuiet(t *testing.T) {
	t.Helper()
	result := f.apt(t)
	for _, word := range []string{"pidproof:", "pidproof ", "PID ", "instance"} {
		if said := result.Stdout + result.Stderr; strings.Contains(said, word) {
			t.Errorf("apt-get says %q:\n%s", word, said)
		}
	}
}

// dpkg must go on whatever a file says. An instance is never restarted for what is misspelt.
func (f fleet) badSettings(t *testing.T) {
	f.undisturbed(t, f.registered...)
	const settings, registration = "/etc/default/pidproof", "/etc/pidproof/instances.d/broken"
	for _, bad := range []struct{ file, content, mode, where string }{
		{settings, "AFTER_UPGRADE=yes", "644", settings + ": "},
		{settings, "AFTER_UPGRADE=restart\nAFTER_UPGRADE=restart\n", "644", settings + ":2: "},
		{settings, "AFTER_UPGRADE=$(reboot)", "644", settings + ":1: "},
		{settings, "AFTER_UPGRADE='restart", "644", settings + ":1: "},
		{settings, "AFTER_UPGRADE=restart", "666", settings},
		{registration, "DAEMON=apache2\nPIDFILE=/run/x.pid\n", "644", registration + ":1: "},
		{registration, "DAEMON=/usr/sbin/apache2\n", "644", registration},
		{registration, "DAEMON=" + f.other.daemon + "\nPIDFILE=" + f.other.pidfile + "\n", "664", registration},
	} {
		t.Run(bad.content, func(t *testing.T) {
			f.Must(t, fmt.Sprintf("printf %%s '%s' >%s && chmod %s %[2]s",
				strings.ReplaceAll(bad.content, "'", `'\''`), bad.file, bad.mode))
			defer f.Must(t, "rm "+bad.file)
			result := f.afterUpgrade(t)
			if lines := squeezed(result.Stderr); len(lines) != 1 || !strings.HasPrefix(lines[0], "pidproof: ") ||
				!strings.Contains(lines[0], bad.where) {
				t.Errorf("after-upgrade: %q, want one line with %s", lines, bad.where)
			}
			registered, _ := parts(result.Stdout)
			says(t, "after-upgrade", registered, f.reported(t, f.registered...)...)
		})
	}

	f.Must(t, "echo AFTER_UPGRADE= restart >"+settings+"; echo / >"+registration)
	defer f.Must(t, "rm "+settings+" "+registration)
	result := f.apt(t)
	for _, file := range []string{settings + ":1: ", registration + ":1: "} {
		if strings.Count(result.Stderr, "pidproof: "+file) != 1 {
			t.Errorf("apt-get does not say what is wrong in %s: %s", file, result.Stderr)
		}
	}
	contains(t, "apt-get", result.Stdout, f.reported(t, f.registered...)...)
}

// restartAfterApt: apt restarts exactly the registered ones, through invoke-rc.d, which asks policy-rc.d for each.
func (f fleet) restartAfterApt(t *testing.T) {
	f.mode(t, "restart")
	policy := f.policy(t, 104)
	f.undisturbed(t, f.other)
	before := f.pids(t)

	result := f.apt(t)

	f.renewed(t, before, f.registered...)
	f.says(t, result, f.restarted(t, before, f.registered...)...)
	if asked := slices.Compact(policy()); !slices.Equal(asked, f.questions()) {
		t.Errorf("policy-rc.d was asked %q, want %q", asked, f.questions())
	}
	result = f.afterUpgrade(t)
	if registered, _ := parts(result.Stdout); registered+result.Stderr != "" {
		t.Errorf("after-upgrade: %+v, want nothing of the registered ones", result)
	}
}

// Of a package that is removed and not purged, apt's hook stays.
func (f fleet) pidproofRemoved(t *testing.T) {
	f.undisturbed(t, f.registered...)
	f.Must(t, "rm /usr/sbin/pidproof")
	f.aptQuiet(t)
}
