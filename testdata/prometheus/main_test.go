// Package prometheus has the metrics of `pidproof list` checked by Prometheus' own promtool, and scraped by its
// node_exporter, as Debian packages them.
package prometheus

import (
	"os"
	"os/exec"
	"sync"
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

// unpack gives a folder with promtool and prometheus-node-exporter; the machine gets no service.
func unpack(t *testing.T) string {
	t.Helper()
	need.Program(t, "apt-get")
	need.Program(t, "dpkg-deb")
	root, err := unpacked()
	must(t, err)
	return root + "/usr/bin"
}

// unpacked is all tests', and supervise removes it.
var unpacked = sync.OnceValues(func() (root string, err error) {
	folder, err := fetch()
	if err != nil {
		return "", err
	}
	if root, err = os.MkdirTemp("", "unpacked-"); err != nil {
		return "", err
	}
	return root, debs.Unpack(folder, root)
})

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
