// Package prometheus has the metrics of `pidproof list` checked by Prometheus' own promtool, and scraped by its
// node_exporter, as Debian packages them.
package prometheus

import (
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/testdata/debs"
	"pidproof/testdata/need"
	"pidproof/testdata/supervise"
)

func TestMain(m *testing.M) {
	unix.Umask(0o022) // others must not be able to write a registration
	// Here, too, and not only in the test: the tests have an empty /run, where a machine's resolv.conf may lead.
	_, _ = fetch()
	os.Exit(supervise.Main(m.Run))
}

func fetch() (string, error) {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return "", err
	}
	return debs.Machine.Fetch("download", "prometheus", "prometheus-node-exporter")
}

// unpack gives a folder with /usr/bin/promtool and /usr/bin/prometheus-node-exporter; the machine gets no service.
func unpack(t *testing.T) string {
	t.Helper()
	need.Program(t, "apt-get")
	need.Program(t, "dpkg-deb")
	folder, err := fetch()
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	must(t, debs.Unpack(folder, root))
	return root + "/usr/bin"
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
