package prometheus

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pidproof/testdata/waiting"
)

// exporter is a node_exporter that has the textfile collector only.
type exporter struct{ address, log string }

func startExporter(t *testing.T, program, folder string) exporter {
	t.Helper()
	log, err := os.Create(t.TempDir() + "/log")
	must(t, err)
	defer log.Close()
	cmd := exec.Command(program, "--collector.disable-defaults", "--collector.textfile",
		"--collector.textfile.directory="+folder, "--web.listen-address=127.0.0.1:0")
	cmd.Stdout, cmd.Stderr = log, log
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	// It says which port it was given.
	listening := regexp.MustCompile(`msg="Listening on" address=(\S+)`)
	var said []byte
	if !waiting.Until(func() bool {
		said, err = os.ReadFile(log.Name())
		must(t, err)
		return listening.Match(said)
	}) {
		t.Fatalf("%v does not listen after %v:\n%s", cmd, waiting.Limit, said)
	}
	return exporter{string(listening.FindSubmatch(said)[1]), log.Name()}
}

// scrape gives what Prometheus would get.
func (e exporter) scrape(t *testing.T) page {
	t.Helper()
	client := http.Client{Timeout: waiting.Limit, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get("http://" + e.address + "/metrics")
	must(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	must(t, err)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("GET /metrics: %s\n%s", answer.Status, body)
	}
	// It goes on without a sample that it cannot use, and says so only here.
	said, err := os.ReadFile(e.log)
	must(t, err)
	if regexp.MustCompile(`(?i)level=error`).Match(said) {
		t.Errorf("node_exporter said\n%s", said)
	}
	return page(body)
}

// page is Prometheus' text format, as node_exporter writes it: the labels by name, one blank before the value.
type page string

// samples are the values by series, as they are written.
func (p page) samples(t *testing.T) map[string]float64 {
	t.Helper()
	samples := map[string]float64{}
	for line := range strings.Lines(string(p)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		line = strings.TrimSuffix(line, "\n")
		blank := strings.LastIndex(line, " ")
		if blank < 0 {
			t.Fatalf("%q is no sample", line)
		}
		value, err := strconv.ParseFloat(line[blank+1:], 64)
		must(t, err)
		samples[line[:blank]] = value
	}
	return samples
}
