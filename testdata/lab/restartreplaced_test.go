package lab

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What "pidproof restart --replaced" does, and says of it.

// policy has every question to policy-rc.d noted and answered with a code, until the test ends. The function that is
// returned reads the questions about registered instances: a package asks for its own one.
// https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt
func (f fleet) policy(t *testing.T, code int) func() []string {
	t.Helper()
	f.Must(t, fmt.Sprintf(`printf '#!/bin/sh\necho "$@" >>/run/policy.log\nexit %d\n' >/usr/sbin/policy-rc.d
		chmod 755 /usr/sbin/policy-rc.d; : >/run/policy.log`, code))
	t.Cleanup(func() { f.Must(t, "rm -f /usr/sbin/policy-rc.d") })
	return func() (asked []string) {
		for _, question := range squeezed(f.Must(t, "cat /run/policy.log")) {
			name, _, _ := strings.Cut(strings.TrimPrefix(question, "--quiet "), " ")
			if slices.ContainsFunc(f.registered, func(s service) bool { return s.name == name }) {
				asked = append(asked, question)
			}
		}
		return asked
	}
}

// questions are what invoke-rc.d asks about the restart of all that are registered, in runlevel 2.
func (f fleet) questions() (asked []string) {
	for _, s := range f.registered {
		asked = append(asked, s.name+" restart 2")
	}
	return asked
}

// said are the lines about instances, and the summary, without what the restart commands print between them.
func (f fleet) said(text string) (lines []string) {
	for _, line := range squeezed(text) {
		name, _, _ := strings.Cut(line, ": ")
		about := slices.ContainsFunc(f.registered, func(s service) bool { return s.name == name })
		if about || strings.Contains(line, " an old binary") {
			lines = append(lines, line)
		}
	}
	return lines
}

func restarting(s service) string { return s.name + ": restarting: invoke-rc.d " + s.name + " restart" }

// restartedAs is what is said of an instance that has come back.
func (f fleet) restartedAs(t *testing.T, before map[string]int, s service) string {
	t.Helper()
	return fmt.Sprintf("%s: restarted: PID %d is now %d, and runs the current %s",
		s.name, before[s.name], s.pid(t, f.Host), s.daemon)
}

// old is what is said of an instance that runs the old file.
func old(before map[string]int, s service) string {
	return fmt.Sprintf("PID %d runs the %s of before it was replaced", before[s.name], s.daemon)
}

// restarted is what is said when these and no others ran an old binary, and all went well.
func (f fleet) restarted(t *testing.T, before map[string]int, services ...service) (lines []string) {
	t.Helper()
	for _, s := range services {
		lines = append(lines, restarting(s), f.restartedAs(t, before, s))
	}
	return append(lines, ran(len(services), "%d restarted", len(services)))
}

// ran is the last line of a run.
func ran(n int, what string, counts ...any) string {
	instances := "instances"
	if n == 1 {
		instances = "instance"
	}
	return fmt.Sprintf("%d %s ran an old binary: "+what+".", append([]any{n, instances}, counts...)...)
}

// says requires exactly these lines about instances of what a command says.
func (f fleet) says(t *testing.T, result Result, want ...string) {
	t.Helper()
	if got := f.said(result.Stdout); !slices.Equal(got, want) {
		t.Errorf("the restart says\n%s%s\nwant\n%s", result.Stdout, result.Stderr, strings.Join(want, "\n"))
	}
}

// restart runs "pidproof restart --replaced", and requires its exit code and these lines.
func (f fleet) restart(t *testing.T, code int, args ...string) Result {
	t.Helper()
	result := f.Run(t, "pidproof", append([]string{"restart", "--replaced"}, args...)...)
	if result.Code != code {
		t.Errorf("restart --replaced %q: %+v, want exit %d", args, result, code)
	}
	return result
}

// restartAll restarts what runs an old binary, and finds nothing more to do then.
func (f fleet) restartAll(t *testing.T) {
	f.reinstallUnnoticed(t, f.other.packages...)
	f.undisturbed(t, f.other)
	before := f.pids(t)
	var would []string
	for _, s := range f.registered {
		would = append(would, fmt.Sprintf("%s: would restart: invoke-rc.d %[1]s restart (%s)", s.name, old(before, s)))
	}
	says(t, "restart --dry-run", f.restart(t, 0, "--dry-run").Stdout, would...)

	result := f.restart(t, 0)
	f.renewed(t, before, f.registered...)
	f.says(t, result, f.restarted(t, before, f.registered...)...)

	f.undisturbed(t, f.registered...)
	says(t, "restart, again,", f.restart(t, 0).Stdout, "No registered instance runs an old binary.")
}

// A container's policy-rc.d, or an administrator's, forbids it; then invoke-rc.d does nothing and exits with 0.
func (f fleet) policyDenies(t *testing.T) {
	f.undisturbed(t, f.all()...)
	f.reinstallUnnoticed(t, f.other.packages...)
	policy := f.policy(t, 101)
	result := f.restart(t, 0)
	var want []string
	for _, s := range f.registered {
		want = append(want, restarting(s), s.name+": left alone: policy-rc.d denies it")
	}
	n := len(f.registered)
	f.says(t, result, append(want, ran(n, "%d left alone", n))...)
	if asked := slices.Compact(policy()); !slices.Equal(asked, f.questions()) {
		t.Errorf("policy-rc.d was asked %q, want %q", asked, f.questions())
	}
}

// Debian's setup-instance makes no links for the boot. Without one, invoke-rc.d neither restarts nor says so, and exits
// with 0.
func (f fleet) notStartedAtBoot(t *testing.T) {
	s := f.registered[0]
	f.undisturbed(t, f.all()...)
	f.Must(t, "update-rc.d "+s.name+" remove")
	defer f.Must(t, "update-rc.d "+s.name+" defaults")
	result := f.restart(t, 1, s.name)
	if !strings.Contains(result.Stdout, s.name+": failed: ") || !strings.Contains(result.Stdout, "update-rc.d "+s.name) {
		t.Errorf("restart: %+v, want a word about update-rc.d", result)
	}
}

// restartWith registers another restart command until the test ends.
func (f fleet) restartWith(t *testing.T, s service, command string) {
	t.Helper()
	f.Must(t, fmt.Sprintf("pidproof unregister %[1]s && pidproof register %[1]s -p %s %s --restart %s",
		s.name, s.pidfile, s.daemon, command))
	t.Cleanup(func() {
		f.Must(t, "pidproof unregister "+s.name)
		f.register(t)
	})
}

// What happens to the first is no reason to leave the others alone.
func (f fleet) failingCommand(t *testing.T) {
	first, rest := f.registered[0], f.registered[1:]
	f.undisturbed(t, f.other, first)

	f.restartWith(t, first, "false")
	before := f.pids(t)
	result := f.restart(t, 1)
	f.renewed(t, before, rest...)
	want := []string{first.name + ": restarting: false",
		first.name + ": failed: the command exited with 1; it still runs the old binary: " + old(before, first)}
	for _, s := range rest {
		want = append(want, restarting(s), f.restartedAs(t, before, s))
	}
	f.says(t, result, append(want, ran(len(rest)+1, "%d restarted, 1 failed", len(rest)))...)

	for command, why := range map[string]string{
		"no-such-command": "no-such-command",
		"sh -c 'kill $$'": "terminated",
	} {
		t.Run(command, func(t *testing.T) {
			f.restartWith(t, first, command)
			result := f.restart(t, 1)
			if _, failed, _ := strings.Cut(result.Stdout, first.name+": failed: "); !strings.Contains(failed, why) {
				t.Errorf("restart: %+v, want %q", result, why)
			}
		})
	}
}

// asksOnTerminal: an init script may ask for something, as apache2's does for the passphrase of a TLS key.
func (f fleet) asksOnTerminal(t *testing.T) {
	s := f.registered[0]
	f.undisturbed(t, f.other)
	f.restartWith(t, s, `sh -c 'tty && read -r word </dev/tty && test "$word" = secret && invoke-rc.d "$0" restart' `+s.name)
	before := f.pids(t)
	result := f.Sh(t, "echo secret | script -qec 'pidproof restart --replaced -t 300 "+s.name+"' /dev/null")
	if result.Code != 0 {
		t.Errorf("restart on a terminal: %+v, want exit 0", result)
	}
	f.renewed(t, before, s)
}
