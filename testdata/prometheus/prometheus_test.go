package prometheus

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// What pidproof writes about real daemons is what Prometheus gets.
func TestMetrics(t *testing.T) {
	programs, folder := unpack(t), t.TempDir()
	file := folder + "/pidproof.prom"
	s := scene{newDaemons(t), map[string]float64{"node_textfile_scrape_error": 0}, map[string]span{}}
	old := s.arrange(t)
	s.arrangeHostile(t)

	s.list(t, file)
	check := exec.Command(programs+"/promtool", "check", "metrics")
	content, err := os.Open(file)
	must(t, err)
	defer content.Close()
	check.Stdin = content
	if said := run(t, check); said != "" {
		t.Errorf("promtool check metrics: %s", said)
	}
	exporter := startExporter(t, programs+"/prometheus-node-exporter", folder)
	s.compare(t, exporter.scrape(t))

	// The same file, written again.
	end(t, old.pidfile, syscall.SIGTERM)
	s.wants(old, isAbsent)
	for _, gone := range []string{"binary_replaced", "workers"} {
		delete(s.want, "pidproof_instance_"+gone+old.labels())
	}
	delete(s.started, old.labels())
	s.list(t, file)
	s.compare(t, exporter.scrape(t))
}
