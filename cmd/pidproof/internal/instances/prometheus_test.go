package instances

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pidproof/cmd/pidproof/internal/registry"
	"pidproof/matcher"
)

// testdata/prometheus has real daemons, promtool and node_exporter; here are the names
// and states that an ordinary user cannot arrange, and the text to the letter.

// listed is a row of a list; pid 0: its process is not known.
func listed(name, pidfile, daemon string, verdict matcher.Verdict, pid int, file string) row {
	row := row{name: name}
	row.PidfileVerdict, row.Pidfile.Path, row.Daemon.Path = verdict, pidfile, daemon
	if pid > 0 {
		row.Main = new(matcher.Process)
		row.Main.Evidence.PID, row.Main.Evidence.Started = pid, time.Unix(1795262367, 80_000_000)
		set(&row.Main.Decision.File, file)
	}
	return row
}

// set is for a type that has no name outside of its module's layer.
func set[T ~string](to *T, word string) { *to = T(word) }

func withWorkers(row row, n int) row {
	row.Workers = &n
	return row
}

func TestMetrics(t *testing.T) {
	const webd = "/usr/sbin/webd"
	registered := withWorkers(listed("foo", "/run/foo.pid", webd, matcher.Running, 7, "replaced"), 2)
	registered.registration = &registry.Registration{}
	list := Listing{
		bad: 1,
		instances: []row{
			registered,
			listed("gone", "/run/gone.pid", "", matcher.Dead, 0, ""),
			listed("hidden", "/run/hidden.pid", "/usr/bin/sleep", matcher.Unknown, 8, ""),
			listed("never", "/run/never.pid", webd, matcher.NotRunning, 0, ""),
			withWorkers(
				listed("q\"b\\c\x01\xff\u202e", "/run/a\nb/q.pid", "/opt/ä b", matcher.Running, 9, "removed"), 0,
			),
			listed("weak", "/run/weak.pid", webd, matcher.Running, 10, ""),
		},
		daemons: []matcher.Unaccounted{
			{Daemon: matcher.Daemon{Path: "/all/seen"}},
			{Daemon: matcher.Daemon{Path: "/none/seen"}, Blind: "hidden"},
			{Daemon: matcher.Daemon{Path: "/one/seen"}, Blind: "hidden", Processes: []*matcher.Process{
				{Role: matcher.RoleLeftover},
			}},
			{Daemon: matcher.Daemon{Path: "/one/unclear"}, Processes: []*matcher.Process{
				{Role: matcher.RoleUnclear},
			}},
			{Daemon: matcher.Daemon{Path: "/two/and\n\"unclear"}, Processes: []*matcher.Process{
				{Role: matcher.RoleUnclear}, {Role: matcher.RoleUnclaimed}, {Role: matcher.RoleLeftover},
			}},
		},
	}
	const want = `# HELP pidproof_instance_up Whether the pidfile names a process that runs the daemon.
# TYPE pidproof_instance_up gauge
pidproof_instance_up{name="foo",pidfile="/run/foo.pid"} 1
pidproof_instance_up{name="gone",pidfile="/run/gone.pid"} 0
pidproof_instance_up{name="never",pidfile="/run/never.pid"} 0
pidproof_instance_up{name="q\"b\\\\c\\x01\\xff\\u202e",pidfile="/run/a\\nb/q.pid"} 1
pidproof_instance_up{name="weak",pidfile="/run/weak.pid"} 1
# HELP pidproof_instance_pidfile_stale Whether there is a pidfile that names nobody who runs the daemon.
# TYPE pidproof_instance_pidfile_stale gauge
pidproof_instance_pidfile_stale{name="foo",pidfile="/run/foo.pid"} 0
pidproof_instance_pidfile_stale{name="gone",pidfile="/run/gone.pid"} 1
pidproof_instance_pidfile_stale{name="never",pidfile="/run/never.pid"} 0
pidproof_instance_pidfile_stale{name="q\"b\\\\c\\x01\\xff\\u202e",pidfile="/run/a\\nb/q.pid"} 0
pidproof_instance_pidfile_stale{name="weak",pidfile="/run/weak.pid"} 0
# HELP pidproof_instance_unknown Whether it could not be told if the instance runs.
# TYPE pidproof_instance_unknown gauge
pidproof_instance_unknown{name="foo",pidfile="/run/foo.pid"} 0
pidproof_instance_unknown{name="gone",pidfile="/run/gone.pid"} 0
pidproof_instance_unknown{name="hidden",pidfile="/run/hidden.pid"} 1
pidproof_instance_unknown{name="never",pidfile="/run/never.pid"} 0
pidproof_instance_unknown{name="q\"b\\\\c\\x01\\xff\\u202e",pidfile="/run/a\\nb/q.pid"} 0
pidproof_instance_unknown{name="weak",pidfile="/run/weak.pid"} 0
# HELP pidproof_instance_registered Whether the instance is registered with pidproof.
# TYPE pidproof_instance_registered gauge
pidproof_instance_registered{name="foo",pidfile="/run/foo.pid"} 1
pidproof_instance_registered{name="gone",pidfile="/run/gone.pid"} 0
pidproof_instance_registered{name="hidden",pidfile="/run/hidden.pid"} 0
pidproof_instance_registered{name="never",pidfile="/run/never.pid"} 0
pidproof_instance_registered{name="q\"b\\\\c\\x01\\xff\\u202e",pidfile="/run/a\\nb/q.pid"} 0
pidproof_instance_registered{name="weak",pidfile="/run/weak.pid"} 0
# HELP pidproof_instance_info The daemon of the instance, where it is known; always 1.
# TYPE pidproof_instance_info gauge
pidproof_instance_info{name="foo",pidfile="/run/foo.pid",executable="/usr/sbin/webd"} 1
pidproof_instance_info{name="never",pidfile="/run/never.pid",executable="/usr/sbin/webd"} 1
pidproof_instance_info{name="q\"b\\\\c\\x01\\xff\\u202e",pidfile="/run/a\\nb/q.pid",executable="/opt/ä b"} 1
pidproof_instance_info{name="weak",pidfile="/run/weak.pid",executable="/usr/sbin/webd"} 1
# HELP pidproof_instance_binary_replaced Whether the file that the main process runs was replaced or removed since it started.
# TYPE pidproof_instance_binary_replaced gauge
pidproof_instance_binary_replaced{name="foo",pidfile="/run/foo.pid"} 1
pidproof_instance_binary_replaced{name="q\"b\\\\c\\x01\\xff\\u202e",pidfile="/run/a\\nb/q.pid"} 1
# HELP pidproof_instance_start_time_seconds Start time of the main process since the Unix epoch in seconds.
# TYPE pidproof_instance_start_time_seconds gauge
pidproof_instance_start_time_seconds{name="foo",pidfile="/run/foo.pid"} 1795262367.08
pidproof_instance_start_time_seconds{name="q\"b\\\\c\\x01\\xff\\u202e",pidfile="/run/a\\nb/q.pid"} 1795262367.08
pidproof_instance_start_time_seconds{name="weak",pidfile="/run/weak.pid"} 1795262367.08
# HELP pidproof_instance_workers Descendants of the main process that run the same daemon.
# TYPE pidproof_instance_workers gauge
pidproof_instance_workers{name="foo",pidfile="/run/foo.pid"} 2
pidproof_instance_workers{name="q\"b\\\\c\\x01\\xff\\u202e",pidfile="/run/a\\nb/q.pid"} 0
# HELP pidproof_unclaimed_processes Processes that run the executable and that no pidfile accounts for.
# TYPE pidproof_unclaimed_processes gauge
pidproof_unclaimed_processes{executable="/all/seen"} 0
pidproof_unclaimed_processes{executable="/one/seen"} 1
pidproof_unclaimed_processes{executable="/two/and\\n\"unclear"} 2
# HELP pidproof_unusable_registrations Registrations that were refused; their instances may be missing here.
# TYPE pidproof_unusable_registrations gauge
pidproof_unusable_registrations 1
`
	var got strings.Builder
	list.Metrics(&got)
	if got.String() != want {
		t.Errorf("the metrics are\n%s\nwant\n%s", got.String(), want)
	}
}

// Two names that differ must differ as label values, too.
func TestLabelValuesDiffer(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{
		"a\x01", `a\x01`, `a\\x01`, "a\\\x01", "a\n", `a\n`, `a\\n`, "a\xff", `a\xff`, "a\ufffd", "a\u202e", `a\u202e`,
		`a"`, `a\"`, `a\`, `a\\`, "a", "a\r", "a\t", "",
	} {
		value := labelValue(name)
		if before, twice := seen[value]; twice {
			t.Errorf("%q and %q are both %s", before, name, value)
		}
		seen[value] = name
		if strings.ContainsAny(value, "\n\r\x01") || !utf8.ValidString(value) {
			t.Errorf("the value of %q is no line of text: %q", name, value)
		}
	}
}
