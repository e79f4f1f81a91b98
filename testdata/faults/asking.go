package faults

// asking are the commands that only look.
var asking = []command{
	{name: "check", args: about("check"), unknown: cannotTell},
	{
		name: "check --unclaimed=listening", in: []string{"unclaimed", "running"},
		args: about("check", "--unclaimed=listening"), unknown: cannotTell,
	},
	{name: "status", args: about("status"), unknown: cannotTell},
	{name: "pidofproc", args: about("pidofproc"), unknown: cannotTell, same: true},
	{
		name: "pidof", args: func(s *scene) []string { return []string{"pidof", s.daemon} }, unknown: cannotTell,
		same: true,
	},
	{
		name: "pidof NAME", in: []string{"running", "nothing runs"},
		args: func(s *scene) []string { return []string{"pidof", "webd"} }, unknown: cannotTell, same: true,
	},
	{name: "explain", args: about("explain"), unknown: cannotTell},
	{
		name: "explain --json", in: []string{"running", "unclaimed"}, args: about("explain", "--json"),
		unknown: cannotTell,
	},
	{name: "wait stopped", args: about("wait", "stopped", "-t", "0"), unknown: refused},
	{name: "wait started", args: about("wait", "started", "-t", "0"), unknown: refused},
	{
		name: "wait stopped -t 1", in: []string{"stale", "nothing runs"},
		args: about("wait", "stopped", "-t", "1"), unknown: refused,
	},
	{name: "list", args: func(s *scene) []string { return []string{"list"} }, unknown: cannotTell},
	{name: "list --json", args: func(s *scene) []string { return []string{"list", "--json"} }, unknown: cannotTell},
	{
		name: "list --prometheus --output", in: []string{"running", "replaced"}, prepare: registered,
		args:    func(s *scene) []string { return []string{"list", "--prometheus", "--output", s.path("work/webd.prom")} },
		unknown: cannotTell, became: wholePage,
	},
}
