package prometheus

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// daemons are real ones, which testdata/supervise ends.
type daemons struct {
	dir       string // for everything
	bin       string // pidproof and demod
	instances string // the registrations
}

func newDaemons(t *testing.T) daemons {
	t.Helper()
	d := daemons{dir: t.TempDir(), bin: t.TempDir()}
	d.instances = d.dir + "/instances.d"
	must(t, os.Mkdir(d.instances, 0o755))
	build := exec.Command("go", "build", "-buildvcs=false", "-o", d.bin+"/",
		"pidproof/cmd/pidproof", "pidproof/testdata/demod")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	run(t, build)
	return d
}

// install puts the daemon at a path as a package upgrade does: another file under the old name.
func (d daemons) install(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(d.bin + "/demod")
	must(t, err)
	must(t, os.WriteFile(path+".new", content, 0o755))
	must(t, os.Rename(path+".new", path))
}

func (d daemons) register(t *testing.T, name, daemon, pidfile string) {
	t.Helper()
	must(t, os.WriteFile(d.instances+"/"+name, []byte("DAEMON='"+daemon+"'\nPIDFILE='"+pidfile+"'\n"), 0o644))
}

// list writes the metrics to a file.
func (d daemons) list(t *testing.T, file string) {
	t.Helper()
	list := exec.Command(d.bin+"/pidproof", "list", "--prometheus", "--output", file)
	list.Env = append(os.Environ(), "PIDPROOF_INSTANCES="+d.instances)
	if said := run(t, list); strings.Contains(said, "pidproof_") {
		t.Errorf("with --output it still printed\n%s", said)
	}
}

// span is when a daemon was started, at the earliest and at the latest.
type span struct{ from, to time.Time }

// contains allows for the clock's tick, to which the kernel's start time is cut.
func (s span) contains(unix float64) bool {
	const tick = 0.01
	seconds := func(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
	return seconds(s.from)-2*tick <= unix && unix <= seconds(s.to)+tick
}

// start returns when the daemon is ready: it has its workers then, and its pidfile is written.
func start(t *testing.T, daemon string, options ...string) span {
	t.Helper()
	from := time.Now()
	run(t, exec.Command(daemon, append([]string{"-daemonize"}, options...)...))
	return span{from, time.Now()}
}

// end returns when the process that a pidfile names has ended.
func end(t *testing.T, pidfile string, signal syscall.Signal) {
	t.Helper()
	content, err := os.ReadFile(pidfile)
	must(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	must(t, err)
	fd, err := unix.PidfdOpen(pid, 0)
	must(t, err)
	defer unix.Close(fd)
	must(t, unix.PidfdSendSignal(fd, signal, nil, 0))
	for {
		ended, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 10_000)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		must(t, err)
		if ended == 0 {
			t.Fatalf("%d has not ended in 10 s", pid)
		}
		return
	}
}

func run(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, said)
	}
	return string(said)
}
