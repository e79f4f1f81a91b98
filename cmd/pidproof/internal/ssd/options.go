package ssd

import "slices"

// Option is one option as start-stop-daemon(8) lists it.
type Option struct {
	Long  string // without the dashes
	Short rune   // 0: it has none
	Value string // the manual's word for its value; "": it takes none
}

// options stand in the manual's order: commands, matching options, generic
// options. Those that matter to the started program alone are here, too: a line
// is split wrongly by whoever does not know which of them take a value.
var options = []Option{
	{"start", 'S', ""},
	{"stop", 'K', ""},
	{"status", 'T', ""},
	{"help", 'H', ""},
	{"version", 'V', ""},

	{"pid", 0, "pid"},
	{"ppid", 0, "ppid"},
	{"pidfile", 'p', "pidfile"},
	{"exec", 'x', "executable"},
	{"name", 'n', "process-name"},
	{"user", 'u', "username|uid"},

	{"group", 'g', "group|gid"},
	{"signal", 's', "signal"},
	{"retry", 'R', "timeout|schedule"},
	{"startas", 'a', "pathname"},
	{"test", 't', ""},
	{"oknodo", 'o', ""},
	{"quiet", 'q', ""},
	{"chuid", 'c', "username|uid[:group|gid]"},
	{"chroot", 'r', "root"},
	{"chdir", 'd', "path"},
	{"background", 'b', ""},
	{"notify-await", 0, ""},
	{"notify-timeout", 0, "timeout"},
	{"no-close", 'C', ""},
	{"output", 'O', "pathname"},
	{"nicelevel", 'N', "int"},
	{"procsched", 'P', "policy:priority"},
	{"iosched", 'I', "class:priority"},
	{"umask", 'k', "mask"},
	{"make-pidfile", 'm', ""},
	{"remove-pidfile", 0, ""},
	{"verbose", 'v', ""},
}

// KnownOptions are all options of dpkg 1.21.22, in the manual's order.
func KnownOptions() []Option { return slices.Clone(options) }
