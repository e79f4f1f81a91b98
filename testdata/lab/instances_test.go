package lab

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pidproof/testdata/need"
)

// fleet is a host with instances of one daemon. All but one are registered, under the names of their init scripts.
type fleet struct {
	*Host
	registered []service // by name, which is the order that pidproof goes in
	other      service
	usersDir   bool // the pidfiles lie in directories of the user that the daemon runs as
}

// TestInstances is the second half of the report that pidproof was written for: "the postinst script doesn't restart
// anything other than the default instance … it would be nice if there was a way of registering them for restart on
// upgrade". https://bugs.debian.org/868861
func TestInstances(t *testing.T) {
	t.Parallel()
	need.Program(t, "make")
	h := bootSites(t, chosen())
	installPidproof(t, h)
	installHook(t, h)
	instance := func(s site) service {
		return service{"apache2" + s.suffix, "/usr/sbin/apache2", s.pidfile(), []string{"apache2-bin"}, s.answers}
	}
	f := fleet{h, []service{instance(bar), instance(foo)}, instance(main), false}
	// invoke-rc.d starts nothing that the boot would not start, and says nothing.
	h.Must(t, "update-rc.d apache2-foo defaults && update-rc.d apache2-bar defaults")
	f.register(t)

	t.Run("nothing to say", f.nothingToSay)
	if !t.Run("report", f.report) { // then nothing runs an old binary
		return
	}
	t.Run("off", f.off)
	t.Run("bad settings", f.badSettings)
	t.Run("restart after apt", f.restartAfterApt)
	t.Run("policy", f.policyDenies)
	t.Run("not started at boot", f.notStartedAtBoot)
	t.Run("failing command", f.failingCommand)
	t.Run("asks on the terminal", f.asksOnTerminal)
	t.Run("restart", f.restartAll)
	t.Run("pidfile lost", f.pidfileLost)
	t.Run("two pidfiles lost", f.twoPidfilesLost)
	t.Run("another's pidfile lost", f.otherPidfileLost)
	t.Run("pidproof removed", f.pidproofRemoved)
}

// installHook does what the README says about apt.
func installHook(t *testing.T, h *Host) {
	t.Helper()
	h.AptAlone(t)
	h.Must(t, "umask 022\n"+readmeCommands(t, "apt"))
}

func (f fleet) register(t *testing.T) {
	t.Helper()
	for _, s := range f.registered {
		f.Must(t, fmt.Sprintf("pidproof register %s -p %s %s", s.name, s.pidfile, s.daemon))
	}
}

// all lists the registered instances and the other.
func (f fleet) all() []service { return append(slices.Clone(f.registered), f.other) }

// pids reads the pidfiles of all instances.
func (f fleet) pids(t *testing.T) map[string]int {
	t.Helper()
	pids := make(map[string]int)
	for _, s := range f.all() {
		pids[s.name] = s.pid(t, f.Host)
	}
	return pids
}

// apt installs the daemon's package again, and requires that apt is content. It returns what was said.
func (f fleet) apt(t *testing.T) Result {
	t.Helper()
	before := f.Must(t, "stat -c %i "+f.other.daemon)
	result := f.Apt(t, f.other.packages...)
	if result.Code != 0 {
		t.Fatalf("apt-get: %+v", result)
	}
	if f.Must(t, "stat -c %i "+f.other.daemon) == before {
		t.Fatalf("the package was installed again, and %s is the same file", f.other.daemon)
	}
	return result
}

// undisturbed requires that at the end of this test these are still the processes they are now, and work.
func (f fleet) undisturbed(t *testing.T, services ...service) {
	t.Helper()
	before := make(map[string]string)
	for _, s := range services {
		before[s.name] = identity(t, f.Host, s.pid(t, f.Host))
	}
	t.Cleanup(func() {
		for _, s := range services {
			if now := identity(t, f.Host, s.pid(t, f.Host)); now != before[s.name] {
				t.Errorf("%s was disturbed: its main process was %q and is %q", s.name, before[s.name], now)
			}
			s.works(t, f.Host)
			s.call(t, f.Host, "status", 0)
		}
	})
}

// renewed requires that instances are other processes than before, run the file at the daemon's path, and work.
func (f fleet) renewed(t *testing.T, before map[string]int, services ...service) {
	t.Helper()
	for _, s := range services {
		pid := s.pid(t, f.Host)
		if pid == before[s.name] {
			t.Errorf("%s still is PID %d", s.name, pid)
		}
		s.works(t, f.Host) // memcached's script writes the number of a child that is to execute it
		files := f.Must(t, fmt.Sprintf("stat -L -c %%d:%%i /proc/%d/exe %s", pid, s.daemon))
		if exe, daemon, _ := strings.Cut(strings.TrimSpace(files), "\n"); exe != daemon {
			t.Errorf("%s runs the file %s, and %s is %s", s.name, exe, s.daemon, daemon)
		}
		s.call(t, f.Host, "status", 0)
	}
}

// squeezed returns the lines of a text, every run of blanks one blank: columns are as wide as what is in them.
func squeezed(text string) (lines []string) {
	for line := range strings.Lines(text) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return lines
}

// says requires of a text exactly these lines, but for blanks.
func says(t *testing.T, what, text string, want ...string) {
	t.Helper()
	if got := squeezed(text); !slices.Equal(got, want) {
		t.Errorf("%s says\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
