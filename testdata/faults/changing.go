package faults

var adopting = []string{"unclaimed", "unclaimed beside a stale pidfile", "started through a removed link", "recycled by another's worker", "running", "nothing runs"}

// changing are those that write files, and have others stop and start services.
var changing = []command{
	{name: "adopt", in: adopting, args: about("adopt"), unknown: refused},
	{
		name: "adopt --yes", in: adopting, args: about("adopt", "--yes"), unknown: refused, became: adopted,
		done: names,
	},
	{
		name: "adopt --yes, another registered", in: []string{"unclaimed", "unclaimed beside a stale pidfile"},
		prepare: anotherLost, args: about("adopt", "--yes"), unknown: refused, became: adopted,
	},
	{
		name: "register", in: []string{"running", "removed"},
		args:    func(s *scene) []string { return []string{"register", "webd", "-p", s.pidfile, s.daemon} },
		unknown: refused, became: wholeRegistration, done: isRegistered, executes: true,
	},
	{
		name: "register, taken", in: []string{"running"}, prepare: registered,
		args:    func(s *scene) []string { return []string{"register", "webd2", "-p", s.pidfile, s.daemon} },
		unknown: refused, executes: true,
	},
	{
		name: "unregister", in: []string{"running"}, prepare: registered,
		args: func(s *scene) []string { return []string{"unregister", "webd"} }, unknown: refused,
		became: unregistered, done: isUnregistered,
	},
	{
		name: "restart --dry-run", in: []string{"running", "replaced", "removed"}, prepare: registered,
		args:    func(s *scene) []string { return []string{"restart", "--replaced", "--dry-run"} },
		unknown: refused, executes: true,
	},
	{
		name: "restart", in: []string{"replaced"}, prepare: registered,
		args: func(s *scene) []string { return []string{"restart", "--replaced"} }, unknown: refused,
		executes: true, became: restarted, done: isRestarted, slow: true,
	},
	{
		name: "after-upgrade", in: []string{"running", "replaced"}, prepare: registered,
		args: func(s *scene) []string { return []string{"after-upgrade"} }, executes: true, became: remembered,
	},
	{
		name: "triggers", in: []string{"running"}, prepare: inetdStarts,
		args: func(s *scene) []string { return []string{"triggers", "webd"} }, unknown: cannotTell, executes: true,
		same: true,
	},
	{
		name: "quiesce", in: []string{"running"}, prepare: inetdStarts,
		args: func(s *scene) []string { return []string{"quiesce", "webd"} }, unknown: refused, may: inetdOf,
		became: heldOff, done: isHeldOff, executes: true, slow: true,
	},
	{
		name: "unquiesce", in: []string{"running"}, prepare: inetdHeldOff,
		args: func(s *scene) []string { return []string{"unquiesce", "webd"} }, unknown: refused, may: inetdOf,
		became: restored, done: isRestored, executes: true,
	},
	{
		name: "triggers, systemd", in: []string{"running"}, prepare: systemdStarts,
		args: func(s *scene) []string { return []string{"triggers", "webd"} }, unknown: cannotTell, executes: true,
		same: true,
	},
	{
		name: "quiesce, systemd", in: []string{"running"}, prepare: systemdStarts,
		args: func(s *scene) []string { return []string{"quiesce", "webd"} }, unknown: refused,
		became: systemdHeldOff, executes: true, slow: true,
	},
	{
		name: "quiesce, upheld", in: []string{"running"}, prepare: upheld,
		args: func(s *scene) []string { return []string{"quiesce", "webd"} }, unknown: refused,
		became: unitHeldOff, done: isUnitHeld, executes: true, slow: true,
	},
}
