package histories

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/testdata/waiting"
)

// Lab is where histories take place, one after the other.
type Lab struct {
	dir      string // a tmpfs: sbin, bin, src, instances
	run      string // where the pidfiles are: /run
	pidproof string
	program  []byte // what every daemon and stranger is
	boot     time.Time
	elder    *process // root's other daemon, older than any history
	written  time.Time
}

// elderAge: a pidfile that seems to be written a second after the elder's was is late
// for what starts now, and written long enough before what is written now to be no
// second pidfile of the same daemon (10 s).
const elderAge = 14 * time.Second

const (
	elderPID  = 9000
	elderFile = "/run/elderd.pid"
	firstPID  = 20000 // of a history; the cursor of the kernel stays below
	hangLimit = time.Minute
)

// NewLab prepares the namespaces. The programs are to be built while the elder gets
// old: build puts them into a directory.
func NewLab(dir string, histd string, build func() (pidproof string, err error)) (*Lab, error) {
	l := &Lab{dir: dir, run: "/run"}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755"); err != nil {
		return nil, fmt.Errorf("mounting %s: %w", dir, err)
	}
	var err error
	if l.program, err = os.ReadFile(histd); err != nil {
		return nil, err
	}
	for _, sub := range []string{"bin", "sbin", "src", "instances"} {
		err = errors.Join(err, os.Mkdir(filepath.Join(dir, sub), 0o755))
	}
	err = errors.Join(err, os.WriteFile(l.stranger(), l.program, 0o755), os.WriteFile(l.path("bin/elderd"), l.program, 0o755))
	if err != nil {
		return nil, err
	}
	if l.boot, err = bootTime(); err != nil {
		return nil, err
	}
	w := l.world()
	l.elder, err = w.launch(&name{path: l.path("bin/elderd"), of: &file{}}, launch{pid: elderPID, pidfile: elderFile})
	if err != nil {
		return nil, err
	}
	if l.written, err = mtime(elderFile); err != nil {
		return nil, err
	}
	if l.pidproof, err = build(); err != nil {
		return nil, err
	}
	return l, pollUntil("the elder is old enough", func() bool { return time.Since(l.elder.started) > elderAge })
}

func (l *Lab) path(name string) string { return filepath.Join(l.dir, name) }
func (l *Lab) stranger() string        { return l.path("bin/other") }

// reset ends everything but the elder, and gives a world where nothing has happened.
func (l *Lab) reset() (*world, error) {
	if err := endAll(l.elder.pid); err != nil {
		return nil, err
	}
	for _, d := range daemonNames {
		for unix.Unmount(l.path("sbin/"+d), unix.MNT_DETACH) == nil {
		}
	}
	for _, dir := range []string{l.run, l.path("sbin"), l.path("src"), l.path("instances")} {
		if err := emptyDir(dir); err != nil {
			return nil, err
		}
	}
	w := l.world()
	err := errors.Join(
		os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte("300"), 0),
		os.Mkdir(usersDir, 0o755), os.Chown(usersDir, user, user),
		os.WriteFile(elderFile, fmt.Appendf(nil, "%d\n", l.elder.pid), 0o644),
		os.Chtimes(elderFile, l.written, l.written))
	for _, d := range w.daemons {
		err = errors.Join(err, w.create(d))
	}
	return w, err
}

func emptyDir(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}

// ask runs pidproof, and gives its exit code and what it prints.
func (l *Lab) ask(args ...string) (code int, stdout, stderr string, err error) {
	cmd := exec.Command(l.pidproof, args...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "PIDPROOF_INSTANCES=" + l.path("instances")}
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Start(); err != nil {
		return 0, "", "", err
	}
	hung := time.AfterFunc(hangLimit, func() { _ = cmd.Process.Kill() })
	defer hung.Stop()
	err = cmd.Wait()
	var failed *exec.ExitError
	if err != nil && (!errors.As(err, &failed) || failed.ExitCode() < 0) {
		return 0, "", "", fmt.Errorf("%q: %w: %s", args, err, complaints.String())
	}
	return cmd.ProcessState.ExitCode(), out.String(), complaints.String(), nil
}

// bootTime is when the machine started, by the clock of now.
func bootTime() (time.Time, error) {
	var since unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &since); err != nil {
		return time.Time{}, err
	}
	return time.Now().Add(-time.Duration(since.Nano())), nil
}

func mtime(path string) (time.Time, error) {
	st, err := os.Stat(path)
	if err != nil {
		return time.Time{}, err
	}
	return st.ModTime(), nil
}

func pollUntil(what string, yes func() bool) error {
	if !waiting.For(hangLimit, yes) {
		return fmt.Errorf("waited %v in vain until %s", hangLimit, what)
	}
	return nil
}
