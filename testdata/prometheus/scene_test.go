package prometheus

import (
	"maps"
	"os"
	"strings"
	"syscall"
	"testing"
)

// scene is daemons, and what the metrics have to say of them.
type scene struct {
	daemons
	want    map[string]float64 // by series
	started map[string]span    // by what the labels of an instance are written as
}

// instance is one with its labels as the text format writes them.
type instance struct{ executable, name, pidfile string }

func (i instance) labels() string { return `{name="` + i.name + `",pidfile="` + i.pidfile + `"}` }

func (s *scene) wants(i instance, values ...map[string]float64) {
	for _, some := range values {
		for metric, value := range some {
			s.want["pidproof_instance_"+metric+i.labels()] = value
		}
	}
	s.want[`pidproof_instance_info{executable="`+i.executable+`",name="`+i.name+`",pidfile="`+i.pidfile+`"}`] = 1
}

var (
	isRunning = map[string]float64{"up": 1, "pidfile_stale": 0, "unknown": 0}
	isStale   = map[string]float64{"up": 0, "pidfile_stale": 1, "unknown": 0}
	isAbsent  = map[string]float64{"up": 0, "pidfile_stale": 0, "unknown": 0}
	isUnknown = map[string]float64{"unknown": 1}
)

// arrange starts a daemon in every state that there is, and registers it. The first of them is what it returns.
func (s *scene) arrange(t *testing.T) (old instance) {
	t.Helper()
	webd := s.dir + "/webd"
	register := func(name string, state, more map[string]float64) instance {
		i := instance{webd, name, s.dir + "/" + name + ".pid"}
		s.register(t, name, webd, i.pidfile)
		s.wants(i, state, more, map[string]float64{"registered": 1})
		return i
	}
	s.install(t, webd)
	old = register("old", isRunning, map[string]float64{"binary_replaced": 1, "workers": 1})
	s.started[old.labels()] = start(t, webd, "-workers", "1", "-pidfile", old.pidfile)
	killed := register("killed", isStale, nil)
	start(t, webd, "-workers", "2", "-pidfile", killed.pidfile)
	end(t, killed.pidfile, syscall.SIGKILL)

	s.install(t, webd)
	current := register("current", isRunning, map[string]float64{"binary_replaced": 0, "workers": 3})
	s.started[current.labels()] = start(t, webd, "-workers", "3", "-pidfile", current.pidfile)
	register("never", isAbsent, nil)
	folder := register("folder", isUnknown, nil)
	must(t, os.Mkdir(folder.pidfile, 0o755))
	start(t, webd)
	s.want[`pidproof_unclaimed_processes{executable="`+webd+`"}`] = 3 // and the two workers of the killed one

	must(t, os.WriteFile(s.instances+"/wrong", []byte("DAEMON=$webd\n"), 0o644))
	s.want["pidproof_unusable_registrations"] = 1
	return old
}

const runDir = "/run/pidproof-prometheus-test"

// arrangeHostile adds instances whose names could break a line, or pass for another's. A registration holds no line
// breaks and no control characters; a pidfile under /run, where only root may put one, has any name.
func (s *scene) arrangeHostile(t *testing.T) {
	t.Helper()
	current := map[string]float64{"binary_replaced": 0, "workers": 0}
	daemon, pidfile := s.dir+`/we "b"\d`, s.dir+`/q",up="1"} 0\x01.pid`
	s.install(t, daemon)
	s.register(t, "quoting", daemon, pidfile)
	quoting := instance{s.dir + `/we \"b\"\\\\d`, "quoting", s.dir + `/q\",up=\"1\"} 0\\\\x01.pid`}
	s.started[quoting.labels()] = start(t, daemon, "-pidfile", pidfile)
	s.wants(quoting, isRunning, current, map[string]float64{"registered": 1})
	s.want[`pidproof_unclaimed_processes{executable="`+quoting.executable+`"}`] = 0
	if os.Geteuid() != 0 {
		return
	}
	must(t, os.Mkdir(runDir, 0o755))
	for name, written := range map[string]string{
		"a\nb\x01\xff": `a\\nb\\x01\\xff`,
		`a\nb\x01\xff`: `a\\\\nb\\\\x01\\\\xff`, // what the other would be, if backslashes were left as they are
	} {
		i := instance{quoting.executable, written, runDir + "/" + written + ".pid"}
		s.started[i.labels()] = start(t, daemon, "-pidfile", runDir+"/"+name+".pid")
		s.wants(i, isRunning, current, map[string]float64{"registered": 0})
	}
}

// compare finds each sample on the page with its value, and no others of these daemons.
func (s *scene) compare(t *testing.T, p page) {
	t.Helper()
	const startTime = "pidproof_instance_start_time_seconds"
	got := p.samples(t)
	rest := maps.Clone(got)
	for series, value := range s.want {
		if scraped, found := got[series]; !found || scraped != value {
			t.Errorf("%s is %v (found: %v), want %v", series, scraped, found, value)
		}
		delete(rest, series)
	}
	for labels, when := range s.started {
		if scraped, found := got[startTime+labels]; !found || !when.contains(scraped) {
			t.Errorf("%s%s is %f (found: %v), want one from %v to %v", startTime, labels, scraped, found, when.from, when.to)
		}
		delete(rest, startTime+labels)
	}
	for series, value := range rest {
		about := strings.Contains(series, s.dir) || strings.Contains(series, runDir)
		if about && strings.HasPrefix(series, "pidproof_") {
			t.Errorf("unexpected: %s %v", series, value)
		}
	}
	if t.Failed() {
		t.Logf("the page:\n%s", p)
	}
}
