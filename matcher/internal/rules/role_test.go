package rules

import (
	"testing"

	"pidproof/matcher/internal/fact"
)

func TestRoleOf(t *testing.T) {
	// 10 is this instance's main process, 20 another's; 11, 12 and 21 are below them, 30 is nobody's.
	standing := Standing{Mains: map[int]bool{10: true}, Claims: map[int]string{20: "/run/b.pid"}, Parents: map[int]int{11: 10, 12: 11, 21: 20, 20: 10, 30: 1, 40: 41, 41: 40}}
	dead := standing
	dead.Mains, dead.Stale = nil, 9
	for name, c := range map[string]struct {
		seen    Standing
		e       fact.Evidence
		by      Rule
		unclear bool
		role    Role
		pidfile string
	}{
		"the main process":         {standing, fact.Evidence{PID: 10}, RuleSameFile, false, RoleMain, ""},
		"a child":                  {standing, fact.Evidence{PID: 11}, RuleSameFile, false, RoleWorker, ""},
		"a grandchild, unclear":    {standing, fact.Evidence{PID: 12}, RuleUnreadable, true, RoleWorker, ""},
		"another's, below ours":    {standing, fact.Evidence{PID: 20}, RuleSameFile, false, RoleOther, "/run/b.pid"},
		"another's child":          {standing, fact.Evidence{PID: 21}, RuleSameFile, false, RoleOther, "/run/b.pid"},
		"a container's":            {standing, fact.Evidence{PID: 10}, RuleForeign, false, RoleForeign, ""},
		"nobody's":                 {standing, fact.Evidence{PID: 30}, RuleSameFile, false, RoleUnclaimed, ""},
		"nobody's, unclear":        {standing, fact.Evidence{PID: 30}, RuleUnreadable, true, RoleUnclear, ""},
		"parents go round":         {standing, fact.Evidence{PID: 40}, RuleSameFile, false, RoleUnclaimed, ""},
		"of the dead one's group":  {dead, fact.Evidence{PID: 30, Group: 9}, RuleSameFile, false, RoleLeftover, ""},
		"of its session, unclear":  {dead, fact.Evidence{PID: 30, Session: 9}, RuleUnreadable, true, RoleUnclear, ""},
		"of its session, but b's":  {dead, fact.Evidence{PID: 20, Session: 9}, RuleSameFile, false, RoleOther, "/run/b.pid"},
		"of its group, below b's":  {dead, fact.Evidence{PID: 21, Group: 9}, RuleSameFile, false, RoleLeftover, ""},
		"once below the dead one":  {dead, fact.Evidence{PID: 12}, RuleSameFile, false, RoleUnclaimed, ""},
		"no group, and none stale": {standing, fact.Evidence{PID: 30, Group: 0}, RuleSameFile, false, RoleUnclaimed, ""},
	} {
		if role, pidfile := c.seen.RoleOf(c.e, c.by, c.unclear); role != c.role || pidfile != c.pidfile {
			t.Errorf("%s: %s %s, want %s %s", name, role, pidfile, c.role, c.pidfile)
		}
	}
}

func TestWeigh(t *testing.T) {
	there := Daemon{Path: "/d", File: fact.Of(fact.FileID{Dev: 1, Ino: 1})}
	listens := fact.Of([]fact.Socket{{Kind: "tcp", Address: "[::]:1"}})
	silent := fact.Of([]fact.Socket(nil))
	left := Other{PID: 5, Role: RoleLeftover, Sockets: silent}
	runs := Other{PID: 6, Role: RoleUnclaimed, Sockets: listens}
	may := Other{PID: 7, Role: RoleUnclear, Sockets: silent, Why: "hidden"}
	other := Other{PID: 8, Role: RoleOther, Instance: "/run/b.pid", Main: true}
	for name, c := range map[string]struct {
		others    []Other
		d         Daemon
		listening bool
		blind     string
		weight    Weight
		words     string
	}{
		"nobody":              {nil, there, false, "", Free, ""},
		"another instance":    {[]Other{other, {PID: 9, Role: RoleOther}, {PID: 10, Role: RoleForeign}}, there, false, "", Free, "; other instances run: 8 (/run/b.pid)"},
		"some":                {[]Other{left, runs, may, other}, there, false, "blind", Blocked, "; left over from this instance: 5; running unclaimed: 6; other instances run: 8 (/run/b.pid)"},
		"those that listen":   {[]Other{left, runs}, there, true, "", Blocked, "; running unclaimed: 6"},
		"none listens":        {[]Other{left, may}, there, true, "", Free, ""},
		"who listens?":        {[]Other{left, {PID: 9, Role: RoleUnclaimed}}, there, true, "", Doubtful, "; whether 9 listens cannot be read"},
		"one may run it":      {[]Other{may}, there, false, "", Doubtful, "; 7 may run it: hidden"},
		"not all were seen":   {[]Other{other}, there, false, "hidepid", Doubtful, "; hidepid"},
		"no daemon":           {nil, Daemon{Path: "/d", File: fact.Fact[fact.FileID]{State: fact.Absent}}, false, "", Free, "; /d does not exist"},
		"a daemon unreadable": {nil, Daemon{Path: "/d", File: fact.Fact[fact.FileID]{State: fact.Unreadable, Err: fact.ErrMayHang}}, false, "", Doubtful, "; what runs it cannot be told: /d: " + fact.ErrMayHang.Error()},
	} {
		if weight, words := Weigh(c.others, c.d, c.listening, c.blind); weight != c.weight || words != c.words {
			t.Errorf("%s: %d %q, want %d %q", name, weight, words, c.weight, c.words)
		}
	}
}
