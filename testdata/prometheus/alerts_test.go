package prometheus

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

const rules = "../../scripts/prometheus/"

// Prometheus' own promtool takes the rules for alerts, and what each of them is to do they do.
func TestAlerts(t *testing.T) {
	promtool := unpack(t) + "/promtool"
	run(t, exec.Command(promtool, "check", "rules", rules+"alerts.yml"))
	test := exec.Command(promtool, "test", "rules", "alerts_test.yml")
	test.Dir = rules
	if said := run(t, test); !strings.Contains(said, "SUCCESS") {
		t.Errorf("promtool test rules: %s", said)
	}
	// Each fires in some test. That each stays silent in all others is in alerts_test.yml.
	text, tests := read(t, rules+"alerts.yml"), read(t, rules+"alerts_test.yml")
	for _, alert := range regexp.MustCompile(`- alert: (\S+)`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(tests, "alertname: "+alert[1]+"\n        exp_alerts:") {
			t.Errorf("no test has %s fire", alert[1])
		}
	}
	// They go by metrics that there are.
	manual := read(t, "../../docs/pidproof-list.8")
	for _, metric := range regexp.MustCompile(`\b(pidproof_\w+|node_textfile_\w+)`).FindAllString(text, -1) {
		if !strings.Contains(manual, "Li "+metric) {
			t.Errorf("pidproof-list(8) has no %s", metric)
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	must(t, err)
	return string(text)
}
