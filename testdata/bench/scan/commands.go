package scan

import (
	"slices"

	"pidproof/testdata/bench/host"
	"pidproof/testdata/bench/programs"
)

// The commands by what budgets and the plot call them.
const (
	check      = "check"
	pidof      = "pidof"
	stale      = "check, stale"
	status     = "status"
	sysvinit   = "sysvinit's pidof"
	busybox    = "busybox pidof"
	pgrep      = "pgrep"
	pgrepFull  = "pgrep -f"
	ssd        = "start-stop-daemon --exec"
	ssdPidfile = "start-stop-daemon --pidfile --exec"
	ssdStart   = "start-stop-daemon --start --exec"
	start      = "start-stop-daemon --start"
	pidofproc  = "Debian's pidofproc"
	pipeline   = "pidof | grep -w PID"
	empty      = "an empty Go program"
	floor      = "the floor"
)

// Command is one way to ask for the daemon.
type Command struct {
	Key     string   // one of the above
	Name    string   // for people: F is the pidfile, S a stale one, D the daemon
	Argv    []string // what is run
	Exits   []int    // the right answers
	Turns   int      // runs in each round, 0 for 1
	Says    bool     // its output names the daemon's main process
	Ours    bool     // pidproof's
	Plot    string   // its name in the plot, or empty for one that would lie on another
	Missing string   // why it cannot be run here, or empty
}

// often is how many turns a command has that takes a few milliseconds, and whose budget is narrow.
const often = 5

// apache2Stop is from do_stop of /etc/init.d/apache2 in Debian's apache2 2.4.71-1~deb12u1, as it is there. With Debian
// bug #868861 in it: 2 means that the pidfile's process runs, 1 that only others do.
const apache2Stop = `DAEMON=$1
PIDFILE=$2
if pidof $DAEMON > /dev/null 2>&1 ; then
        if [ -e $PIDFILE ] && pidof $DAEMON | tr ' ' '\n' | grep -w $(cat $PIDFILE) > /dev/null 2>&1 ; then
                AP_RET=2
        else
                AP_RET=1
        fi
else
    AP_RET=0
fi
exit $AP_RET
`

// commands lists all, also those that this host lacks.
func (b *Bench) commands() []Command {
	yardsticks := []Command{
		{Key: floor, Name: "the floor", Argv: []string{b.floor}, Exits: []int{0}, Turns: often},
		{Key: empty, Plot: "an empty Go program", Name: "an empty static Go program",
			Argv: []string{b.empty}, Exits: []int{0}, Turns: often},
	}
	return slices.Concat(b.ours(), b.pidofs(), b.daemonTools(), yardsticks)
}

func (b *Bench) ours() []Command {
	d, f := b.plan.Daemon, b.plan.Pidfile
	claimed := []int{1} // F claims the processes, S names nobody
	if !b.plan.Own {
		claimed = []int{1, 150, 4} // pidfiles outside of /run are not looked for, nor do users see all processes
	}
	list := []Command{
		{Key: check, Plot: "pidproof check -p F D", Name: "pidproof check -p F D",
			Argv: []string{b.pidproof, "check", "-p", f, d}, Exits: []int{0}, Says: true, Turns: often},
		{Key: status, Name: "pidproof status -p F D",
			Argv: []string{b.pidproof, "status", "-p", f, d}, Exits: []int{0}, Says: true},
		{Key: pidof, Plot: "pidproof pidof D", Name: "pidproof pidof D",
			Argv: []string{b.pidproof, "pidof", d}, Exits: []int{0}, Says: true},
		{Key: stale, Name: "pidproof check -p S D",
			Argv: []string{b.pidproof, "check", "-p", b.plan.Stale, d}, Exits: claimed},
		// Then the real program, which is dpkg's below, looks at the pidfile only.
		{Key: start, Name: "pidproof start-stop-daemon --start --test --pidfile S --exec D",
			Argv: []string{b.pidproof, "start-stop-daemon", "--start", "--test", "--pidfile", b.plan.Stale, "--exec", d}, Exits: []int{0}},
	}
	for i := range list {
		list[i].Ours = true
	}
	return list
}

// pidofs are the peers that look at every process. pgrep is asked for the name, as most scripts do, and for the path.
func (b *Bench) pidofs() []Command {
	d := b.plan.Daemon
	path, version, err := host.Pidof()
	sysvinits := b.peer(version, err,
		Command{Key: sysvinit, Plot: "sysvinit's pidof D", Name: "sysvinit's pidof D",
			Argv: []string{path, d}, Exits: []int{0}, Says: true},
		Command{Key: pipeline, Plot: "apache2's pidof D | grep -w PID",
			Name: "apache2's init script: pidof D && pidof D | grep -w $(cat F)",
			Argv: []string{"/bin/sh", "-c", apache2Stop, "sh", d, b.plan.Pidfile}, Exits: []int{2}})
	path, version, err = host.Busybox()
	busyboxs := b.peer(version, err, Command{Key: busybox, Plot: "busybox pidof NAME", Name: "busybox pidof NAME",
		Argv: []string{path, "pidof", programs.Daemon}, Exits: []int{0}, Says: true})
	path, version, err = host.Pgrep()
	procpss := b.peer(version, err,
		Command{Key: pgrep, Plot: "pgrep NAME", Name: "pgrep NAME",
			Argv: []string{path, programs.Daemon}, Exits: []int{0}, Says: true},
		Command{Key: pgrepFull, Name: "pgrep -f D", Argv: []string{path, "-f", d}, Exits: []int{0}, Says: true})
	return slices.Concat(sysvinits, busyboxs, procpss)
}

// daemonTools are the peers that init scripts call with a pidfile.
func (b *Bench) daemonTools() []Command {
	d, f := b.plan.Daemon, b.plan.Pidfile
	path, version, err := host.StartStopDaemon()
	dpkgs := b.peer(version, err,
		Command{Key: ssd, Plot: "start-stop-daemon --exec D", Name: "dpkg's start-stop-daemon --status --exec D",
			Argv: []string{path, "--status", "--exec", d}, Exits: []int{0}},
		Command{Key: ssdPidfile, Plot: "start-stop-daemon --pidfile F",
			Name: "dpkg's start-stop-daemon --status --pidfile F --exec D",
			Argv: []string{path, "--status", "--pidfile", f, "--exec", d}, Exits: []int{0}},
		Command{Key: ssdStart, Name: "dpkg's start-stop-daemon --start --test --exec D",
			Argv: []string{path, "--start", "--test", "--exec", d}, Exits: []int{1}})
	functions, err := debianFunctions(b.dir)
	lsbs := b.peer("", err, Command{Key: pidofproc, Plot: "Debian's pidofproc -p F D",
		Name: "Debian's pidofproc -p F D, with sh and its init-functions",
		Argv: []string{"/bin/sh", "-c", lsbScript, "sh", functions, f, d}, Exits: []int{0}, Says: true})
	return slices.Concat(dpkgs, lsbs)
}

// peer notes the version of what runs these commands; with an error, they are missing.
func (b *Bench) peer(version string, err error, commands ...Command) []Command {
	if err == nil && version != "" {
		b.tools = append(b.tools, version)
	}
	for i := range commands {
		if err != nil {
			commands[i].Missing = err.Error()
		}
	}
	return commands
}
