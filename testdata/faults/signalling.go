package faults

var stopping = []string{
	"running", "stale", "recycled by a stranger", "recycled by another's worker", "names another's worker", "recycled by another instance",
	"started through a removed link", "replaced", "a user's", "script",
	"wrapper", "several numbers", "a script that became another program", "a label",
}

// signalling are those that stop, signal or start a daemon.
var signalling = []command{
	{
		name: "killproc", in: stopping, args: about("killproc"), unknown: refused, may: theMain,
		became: pidfileGone, done: ended,
	},
	{
		name: "killproc --workers", in: stopping, args: about("killproc", "--workers"), unknown: refused,
		may: theInstance, became: pidfileGone, done: ended,
	},
	{
		name: "killproc HUP", in: stopping,
		args:    func(s *scene) []string { return []string{"killproc", "-p", s.pidfile, s.daemon, "HUP"} },
		unknown: cannotTell, may: theMain,
	},
	{
		name: "killproc TERM", in: stopping,
		args:    func(s *scene) []string { return []string{"killproc", "-p", s.pidfile, s.daemon, "TERM"} },
		unknown: cannotTell, may: theMain, became: pidfileGone,
	},
	{name: "start-stop-daemon --status, both", args: ssd(true, true, "--status"), unknown: cannotTell},
	{name: "start-stop-daemon --status, exec", args: ssd(true, false, "--status"), unknown: cannotTell},
	{name: "start-stop-daemon --status, pidfile", args: ssd(false, true, "--status"), unknown: cannotTell},
	{
		name: "start-stop-daemon --start, both", args: ssd(true, true, "--start", "--test"), unknown: trouble,
		executes: true,
	},
	{
		name: "start-stop-daemon --start, exec", args: ssd(true, false, "--start", "--test"), unknown: trouble,
		executes: true,
	},
	{
		name: "start-stop-daemon --start, misled",
		in:   []string{"stale", "recycled by a stranger", "recycled by another's worker", "running"},
		args: ssd(true, true, "--start"), unknown: trouble, executes: true, became: pidfileNobodys,
	},
	{
		name: "start-stop-daemon --stop, both", in: stopping,
		args: ssd(true, true, "--stop", "--retry", "5", "--remove-pidfile"), unknown: trouble, may: theMain,
		became: pidfileGone, done: ended,
	},
	{
		name: "start-stop-daemon --stop, pidfile",
		in:   []string{"running", "stale", "recycled by another instance", "replaced", "a user's", "script"},
		args: ssd(false, true, "--stop"), unknown: trouble, may: theMain, became: pidfileGone,
	},
	{
		name: "start-stop-daemon --stop --test, exec", args: ssd(true, false, "--stop", "--test"),
		unknown: trouble, same: true,
	},
	{
		name: "start-stop-daemon --stop, exec", in: []string{"running", "replaced"},
		args: ssd(true, false, "--stop", "--retry", "5"), unknown: trouble, may: everyone, became: anyPidfileGone,
	},
}
