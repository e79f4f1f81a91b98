package lab

import (
	"slices"
	"strings"
	"testing"
)

// ownSession: who restarts what was upgraded leaves alone what he is logged in through, unless he asks.
func (f fleet) ownSession(t *testing.T) {
	f.register(t) // again: that is no error
	f.Must(t, "pidproof register ssh -p "+sshd.pidfile+" "+sshd.daemon)
	f.reinstallUnnoticed(t, append(f.other.packages, sshd.packages...)...)
	before, ssh := f.pids(t), sshd.pid(t, f.Host)

	result := f.Sh(t, login+"pidproof restart --replaced")
	if result.Code != 0 || !strings.Contains(result.Stdout, "ssh: left alone: ") {
		t.Errorf("restart in a session: %+v, want exit 0, and ssh left alone", result)
	}
	f.renewed(t, before, f.registered...)
	if now := sshd.pid(t, f.Host); now != ssh {
		t.Errorf("sshd was restarted: PID %d is now %d", ssh, now)
	}
	contains(t, "after-upgrade in a session", f.Sh(t, login+"pidproof after-upgrade").Stdout, f.reported(t, sshd)...)

	openSession(t, f.Host, "kept")
	f.undisturbed(t, f.registered...)
	result = f.Sh(t, login+"pidproof restart --replaced --all")
	if result.Code != 0 {
		t.Errorf("restart --all in a session: %+v, want exit 0", result)
	}
	all := fleet{f.Host, append(slices.Clone(f.registered), sshd), f.other, false}
	all.renewed(t, map[string]int{"ssh": ssh}, sshd)
	all.says(t, result, all.restarted(t, map[string]int{"ssh": ssh}, sshd)...)
	eventually(t, "the session that was open answers", func() bool { return answers(f.Host, t, "kept", "still") })
}
