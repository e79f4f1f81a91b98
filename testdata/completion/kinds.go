package main

// Kind is what a value or an argument is: what completes it.
type Kind string

const (
	nothing    Kind = "nothing"
	choice     Kind = "choice" // the grammar has all of them
	file       Kind = "file"
	daemon     Kind = "daemon"   // that runs, or is registered; else a file
	instance   Kind = "instance" // on this host; or a daemon
	own        Kind = "own"      // a registered instance, or a daemon
	registered Kind = "registered"
	service    Kind = "service" // an init script, or a unit
	signal     Kind = "signal"
)

// values are the kinds of options' values, by the grammar's word for them; dpkg's are in small letters.
var values = map[string]Kind{
	"": nothing, "TIME": nothing, "SECONDS": nothing, "LEVEL": nothing, "SEP": nothing, "PID,...": nothing,
	"PIDFILE": file, "FILE": file,

	"pidfile": file, "executable": file, "pathname": file, "root": file, "path": file,
	"process-name": daemon, "signal": signal,
	"pid": nothing, "ppid": nothing, "username|uid": nothing, "group|gid": nothing, "username|uid[:group|gid]": nothing,
	"timeout|schedule": nothing, "timeout": nothing, "int": nothing, "policy:priority": nothing, "class:priority": nothing,
	"mask": nothing,
}

// arguments are the kinds of arguments, by their name, or by their command and name.
var arguments = map[string]Kind{
	"daemon": daemon, "program": daemon, "file": file, "command": file, "name": service,
	"list daemon": instance, "restart daemon": own, "unregister name": registered,
}

// others are the arguments of commands that pass words on.
var others = map[string][]Argument{
	"killproc":     {{Name: "daemon"}, {Name: "signal", Kind: signal}},
	"start_daemon": {{Name: "daemon"}, {Name: "argument", Kind: file, Many: true}},
	"invoke-rc.d": {{Name: "name"}, {Name: "action", Kind: choice, // invoke-rc.d(8)
		Choices: []string{"start", "stop", "restart", "try-restart", "reload", "force-reload", "status"}}},
	"deb-systemd-invoke": {{Name: "action", Kind: choice, // deb-systemd-invoke(1p)
		Choices: []string{"start", "stop", "restart", "try-restart", "reload", "daemon-reload", "daemon-reexec"}},
		{Name: "unit", Kind: service, Many: true}},
	"start-stop-daemon": {{Name: "argument", Kind: file, Many: true}},
}

// signals are those that daemons are sent, signal(7).
var signals = []string{"HUP", "INT", "QUIT", "ABRT", "KILL", "USR1", "USR2", "ALRM", "TERM", "CONT", "STOP", "WINCH"}
