package attack

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/testdata/need"
	"pidproof/testdata/rounds"
)

// Places on an attacked host. /srv and /run are its own.
const (
	pidproof  = "/srv/bin/pidproof"
	daemon    = "/srv/sbin/webd" // runs, by pidfile
	idle      = "/srv/sbin/idle" // a daemon of which no process runs
	pidfile   = "/run/webd.pid"
	noPidfile = "/run/idle.pid" // does not exist
	stale     = "/run/stale.pid"
	users     = "/srv/tmp" // where everybody may write
	nobody    = 65534      // the ordinary user
)

const insideEnv = "PIDPROOF_ATTACK_INSIDE"

// onHost runs the attack on a host of its own, as root. There this test runs once more, as a process that ends with all
// others when it has ended.
func onHost(t *testing.T, attack func(t *testing.T)) {
	t.Helper()
	need.Root(t)
	if os.Getenv(insideEnv) == t.Name() {
		settle(t)
		attack(t)
		return
	}
	t.Parallel()           // they share nothing, and some only wait
	runtime.LockOSThread() // Pdeathsig is about the thread that forks (prctl(2))
	defer runtime.UnlockOSThread()
	self, err := os.Executable()
	must(t, err)
	inside := exec.Command(filepath.Join(programs, "init"), self,
		"-test.run=^"+regexp.QuoteMeta(t.Name())+"$", "-test.v", "-test.timeout=0", "-test.count=1")
	inside.Env = append(os.Environ(), insideEnv+"="+t.Name(), programsEnv+"="+programs)
	inside.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:   unix.CLONE_NEWPID,
		Unshareflags: unix.CLONE_NEWNS,
		Pdeathsig:    syscall.SIGKILL,
	}
	var said bytes.Buffer
	inside.Stdout, inside.Stderr = &said, &said
	must(t, inside.Start())
	// What hangs is ended; nothing that works takes a tenth of this.
	limit := time.Duration(rounds.Of(10, 180)) * time.Minute
	watch := time.AfterFunc(limit, func() { _ = inside.Process.Kill() })
	defer watch.Stop()
	if err := inside.Wait(); err != nil || !bytes.Contains(said.Bytes(), []byte("--- PASS: "+t.Name()+" ")) {
		t.Errorf("on its host: %v\n%s", err, said.String())
	} else if testing.Verbose() {
		t.Log(said.String())
	}
}

// settle makes the host: its own /proc, /run and /srv, and a daemon's file.
func settle(t *testing.T) {
	t.Helper()
	must(t, unix.Mount("proc", "/proc", "proc", 0, ""))
	must(t, unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"))
	must(t, unix.Mount("tmpfs", "/srv", "tmpfs", 0, "mode=755"))
	unix.Umask(0) // the modes are meant as they stand here
	for path, mode := range map[string]os.FileMode{
		"/srv/bin": 0o755, "/srv/sbin": 0o755, "/srv/instances": 0o755, users: 0o777 | os.ModeSticky, "/run/lock": 0o777 | os.ModeSticky,
	} {
		must(t, os.Mkdir(path, mode))
	}
	unix.Umask(0o022)
	built, err := os.ReadDir(programs)
	must(t, err)
	for _, program := range built {
		copyFile(t, filepath.Join(programs, program.Name()), filepath.Join("/srv/bin", program.Name()))
	}
	copyFile(t, "/srv/bin/webd", daemon)
	copyFile(t, "/srv/bin/webd", idle)
	t.Setenv("PIDPROOF_INSTANCES", "/srv/instances")
}

// copyFile makes an executable file that is no link to the other; where everybody may
// write, it is the ordinary user's.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	must(t, err)
	must(t, os.WriteFile(to, content, 0o755))
	if strings.HasPrefix(to, users+"/") {
		must(t, os.Chown(to, nobody, nobody))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// until waits for what comes soon; the limit is for what never does.
func until(t *testing.T, what string, come func() bool) {
	t.Helper()
	for limit := time.Now().Add(2 * time.Minute); !come(); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("waited 2 minutes until %s", what)
		}
	}
}

// write makes a pidfile of root's that was written so long ago.
func write(t *testing.T, path string, pid int, age time.Duration) {
	t.Helper()
	must(t, os.WriteFile(path, fmt.Appendln(nil, pid), 0o644))
	then := time.Now().Add(-age)
	must(t, os.Chtimes(path, then, then))
}
