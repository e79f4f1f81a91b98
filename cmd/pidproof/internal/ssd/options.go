package ssd

import "slices"

// Option is one option as start-stop-daemon(8) lists it.
type Option struct {
	Long  string // without the dashes
	Short rune   // 0: it has none
	Value string // the manual's word for its value; "": it takes none
}

// Dialect is whose options a line is read by.
type Dialect int

// The dialects. OpenRC's has dpkg's options, too, but for the letters that mean
// something else there.
const (
	Dpkg Dialect = iota
	OpenRC
)

type dialectOptions []Option

// options stand in the manual's order: commands, matching options, generic
// options. Those that matter to the started program alone are here, too: a line
// is split wrongly by whoever does not know which of them take a value.
var options = dialectOptions{
	{"start", 'S', ""},
	{"stop", 'K', ""},
	{"status", 'T', ""},
	{"pidof", 0, ""}, // since dpkg 1.23.8
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

// openRCs are those that dpkg's start-stop-daemon lacks, or has with another meaning:
// OpenRC 0.64, start-stop-daemon.c. --user and --chuid are one there, and what is said
// of them holds here, too: that user's processes are stopped.
var openRCs = dialectOptions{
	{"capabilities", 0, "capabilities"},
	{"env", 'e', "assignment"},
	{"interpreted", 'i', ""},
	{"ionice", 'I', "class:priority"},
	{"iosched", 0, "class:priority"},
	{"no-close", 0, ""},
	{"no-new-privs", 0, ""},
	{"nocolor", 'C', ""},
	{"notify", 0, "how"},
	{"oom-score-adj", 0, "int"},
	{"procsched", 0, "policy:priority"},
	{"progress", 'P', ""},
	{"scheduler", 0, "policy"},
	{"scheduler-priority", 0, "priority"},
	{"secbits", 0, "bits"},
	{"stderr", '2', "pathname"},
	{"stderr-logger", '4', "command"},
	{"stdin", '0', "pathname"},
	{"stdout", '1', "pathname"},
	{"stdout-logger", '3', "command"},
	{"stop-group", 'G', ""},
	{"wait", 'w', "milliseconds"},
}

// options are those of a dialect.
func (d Dialect) options() dialectOptions {
	if d == Dpkg {
		return options
	}
	all := slices.Clone(openRCs)
	for _, o := range options {
		if !slices.ContainsFunc(openRCs, func(its Option) bool { return its.Long == o.Long }) {
			all = append(all, o)
		}
	}
	return all
}

// KnownOptions are all options of dpkg's, in the manual's order.
func KnownOptions() []Option { return slices.Clone(options) }
