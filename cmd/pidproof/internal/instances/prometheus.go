package instances

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"pidproof/cmd/pidproof/internal/say"
	"pidproof/matcher"
)

// gauge is a metric treeRoot of Prometheus' text format, docs/instrumenting/
// exposition_formats.md of its documentation; practices/naming.md has what its name
// may be. Prometheus' libraries build on protobuf, whose start-up would cost every
// check more than the answer does.
type gauge struct {
	name, help string
	samples    []string
}

func (g *gauge) add(value float64, labels ...string) {
	var pairs []string
	for i := 0; i < len(labels); i += 2 {
		pairs = append(pairs, labels[i]+`="`+labelValue(labels[i+1])+`"`)
	}
	inBraces := ""
	if len(pairs) > 0 {
		inBraces = "{" + strings.Join(pairs, ",") + "}"
	}
	g.samples = append(g.samples, g.name+inBraces+" "+strconv.FormatFloat(value, 'f', -1, 64)+"\n")
}

func (g *gauge) addBool(is bool, labels ...string) {
	value := 0.0
	if is {
		value = 1
	}
	g.add(value, labels...)
}

// labelValue is what the other forms print, as the format escapes it. Backslashes are
// doubled before: of two samples with the same labels node_exporter drops one, and
// whoever may make a pidfile could hide another by it.
func labelValue(s string) string {
	s = say.Printable(strings.ReplaceAll(s, `\`, `\\`))
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)
}

// Metrics writes no times: the collector refuses a file that has any.
func (list Listing) Metrics(w io.Writer) {
	for _, g := range append(list.instanceGauges(), list.hostGauges()...) {
		if len(g.samples) > 0 {
			fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s gauge\n%s", g.name, g.help, g.name, strings.Join(g.samples, ""))
		}
	}
}

// instanceGauges says nothing of what could not be told. The label is not called
// instance, which Prometheus puts on every sample for the host it was scraped from.
func (list Listing) instanceGauges() []gauge {
	up := gauge{name: "pidproof_instance_up",
		help: "Whether the pidfile names a process that runs the daemon."}
	stale := gauge{name: "pidproof_instance_pidfile_stale",
		help: "Whether there is a pidfile that names nobody who runs the daemon."}
	unknown := gauge{name: "pidproof_instance_unknown",
		help: "Whether it could not be told if the instance runs."}
	registered := gauge{name: "pidproof_instance_registered",
		help: "Whether the instance is registered with pidproof."}
	info := gauge{name: "pidproof_instance_info",
		help: "The daemon of the instance, where it is known; always 1."}
	replaced := gauge{name: "pidproof_instance_binary_replaced",
		help: "Whether the file that the main process runs was replaced or removed since it started."}
	started := gauge{name: "pidproof_instance_start_time_seconds",
		help: "Start time of the main process since the Unix epoch in seconds."}
	workers := gauge{name: "pidproof_instance_workers",
		help: "Descendants of the main process that run the same daemon."}
	for _, i := range list.instances {
		labels := []string{"name", i.name, "pidfile", i.Pidfile.Path}
		state := i.state()
		unknown.addBool(state == "unknown", labels...)
		registered.addBool(i.registration != nil, labels...)
		if i.Daemon.Path != "" && (state != "unknown" || i.registration != nil) { // else it is anybody's
			info.add(1, append(labels, "executable", i.Daemon.Path)...)
		}
		if state == "unknown" {
			continue
		}
		up.addBool(state == "running", labels...)
		stale.addBool(state == "stale", labels...)
		if state != "running" || !i.shown() {
			continue
		}
		if file := i.Main.Decision.File; file.Known() {
			replaced.addBool(!file.Current(), labels...)
		}
		started.add(float64(i.Main.Evidence.Started.UnixMilli())/1000, labels...)
		if i.Workers != nil {
			workers.add(float64(*i.Workers), labels...)
		}
	}
	return []gauge{up, stale, unknown, registered, info, replaced, started, workers}
}

func (list Listing) hostGauges() []gauge {
	unclaimed := gauge{name: "pidproof_unclaimed_processes",
		help: "Processes that run the executable and that no pidfile accounts for."}
	for _, d := range list.daemons {
		proven, seen := 0, d.Blind == ""
		for _, p := range d.Processes {
			if p.Role == matcher.RoleUnclear {
				seen = false
			} else {
				proven++
			}
		}
		if proven > 0 || seen { // too few are an alarm all the same, 0 is only said where it is true
			unclaimed.add(float64(proven), "executable", d.Daemon.Path)
		}
	}
	unusable := gauge{name: "pidproof_unusable_registrations",
		help: "Registrations that were refused; their instances may be missing here."}
	unusable.add(float64(list.bad))
	return []gauge{unclaimed, unusable}
}

// MetricNames are all that can be printed, in their order.
func MetricNames() (names []string) {
	for _, g := range append(Listing{}.instanceGauges(), Listing{}.hostGauges()...) {
		names = append(names, g.name)
	}
	return names
}
