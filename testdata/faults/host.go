package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/testdata/waiting"
)

const hostEnv = "PIDPROOF_FAULTS_HOST"

// order is what a host needs to play cells, which come after it.
type order struct {
	Dir                     string // of its own
	Pidproof, Demod, Strace string // programs
}

// host is the PID 1 of its namespaces.
type host struct {
	dir    string // where a tmpfs is mounted
	strace string
	demod  []byte // the program
	ended  map[int]bool
}

// Host plays what it reads from stdin, if this process was started for that, and
// never returns then.
func Host() {
	if os.Getenv(hostEnv) == "" {
		return
	}
	if err := beHost(); err != nil {
		fmt.Fprintln(os.Stderr, "in the namespaces:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func beHost() error {
	// What we start must not ignore these, as it would under nohup.
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP, unix.SIGTERM)
	unix.Umask(0o022)
	orders, results := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	var o order
	if err := orders.Decode(&o); err != nil {
		return err
	}
	h := &host{dir: o.Dir, strace: o.Strace, ended: map[int]bool{}}
	if err := h.mount(o); err != nil {
		return err
	}
	for {
		var c cellOrder
		if err := orders.Decode(&c); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		result, err := h.play(c)
		if err != nil {
			return fmt.Errorf("%s, %s: %w", c.Situation, c.Command, err)
		}
		if err := results.Encode(result); err != nil {
			return err
		}
	}
}

// mount gives the host a /run, a /var/lib/dpkg without diversions, an /etc to write in
// and the programs.
func (h *host) mount(o order) (err error) {
	if h.demod, err = os.ReadFile(o.Demod); err != nil {
		return err
	}
	program, err := os.ReadFile(o.Pidproof)
	if err != nil {
		return err
	}
	if err := errors.Join(
		unix.Mount("proc", "/proc", "proc", 0, ""),
		unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=0755"),
		unix.Mount("tmpfs", h.dir, "tmpfs", 0, "mode=0755"),
	); err != nil {
		return err
	}
	for _, dir := range []string{"bin", "etc", "etc.work"} {
		if err := os.Mkdir(h.path(dir), 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount("overlay", "/etc", "overlay", 0,
		fmt.Sprintf("lowerdir=/etc,upperdir=%s,workdir=%s", h.path("etc"), h.path("etc.work"))); err != nil {
		return fmt.Errorf("an overlay on /etc: %w", err)
	}
	return errors.Join(
		os.WriteFile(h.path("bin/pidproof"), program, 0o755),
		os.WriteFile(h.path("bin/start-stop-daemon.real"), []byte(realProgram), 0o755),
		os.WriteFile(h.path("bin/invoke-rc.d.real"), []byte(realInvokeRcd), 0o755),
		os.WriteFile(h.path("bin/systemctl"), []byte(standInSystemctl), 0o755),
	)
}

func (h *host) path(name string) string { return filepath.Join(h.dir, name) }

// execute runs a program, and collects whatever else ends meanwhile.
func (h *host) execute(argv, env []string, stdout, stderr string, limit time.Duration) (exit int, hung bool, err error) {
	pid, err := h.start(argv, env, stdout, stderr)
	if err != nil {
		return 0, false, err
	}
	timer := time.AfterFunc(limit, func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	for {
		var status syscall.WaitStatus
		got, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 0, false, err
		case got != pid:
			h.ended[got] = true
		case status.Signaled():
			return 128 + int(status.Signal()), !timer.Stop(), nil
		default:
			return status.ExitStatus(), !timer.Stop(), nil
		}
	}
}

func (h *host) start(argv, env []string, stdout, stderr string) (pid int, err error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	files := []uintptr{null.Fd()}
	for _, path := range []string{stdout, stderr} {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o644)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		files = append(files, f.Fd())
	}
	env = append([]string{"PATH=" + h.path("bin") + ":/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}, env...)
	return syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{Dir: "/", Env: env, Files: files, Sys: &syscall.SysProcAttr{Setsid: true}})
}

// collect waits for what has ended; a zombie's number would look taken.
func (h *host) collect() {
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		h.ended[pid] = true
	}
}

// startOf is when a process started, in ticks since the boot; "" if it has ended.
func startOf(pid int) string {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	fields := strings.Fields(string(content[strings.LastIndex(string(content), ")")+1:]))
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return ""
	}
	return fields[19]
}

// until polls.
func until(what string, is func() bool) error {
	if !waiting.For(2*time.Minute, is) {
		return fmt.Errorf("waited in vain: %s", what)
	}
	return nil
}
