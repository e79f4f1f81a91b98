package scan

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// noSuchPID is the last number below PID_MAX_LIMIT (include/linux/threads.h), which nothing here gets near.
const noSuchPID = 1<<22 - 1

// daemon is the one that is asked for, with a worker.
type daemon struct{ cmd *exec.Cmd }

func (d daemon) pid() int { return d.cmd.Process.Pid }

func (p *plan) startDaemon() (d daemon, err error) {
	if err := os.WriteFile(p.Stale, fmt.Appendln(nil, strconv.Itoa(noSuchPID)), 0o644); err != nil {
		return d, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return d, err
	}
	defer r.Close()
	d.cmd = exec.Command(p.Daemon, p.Pidfile, "0s", lifetime.String())
	d.cmd.Env, d.cmd.Stdout, d.cmd.Stderr = environment, w, os.Stderr
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} // it takes its worker along
	err = d.cmd.Start()
	w.Close()
	if err != nil {
		return d, err
	}
	if err := r.SetReadDeadline(time.Now().Add(commandPatience)); err != nil {
		return d, err
	}
	if line, err := bufio.NewReader(r).ReadString('\n'); line != "ready\n" {
		d.stop()
		return d, fmt.Errorf("the daemon said %q: %w", line, err)
	}
	return d, nil
}

// stop waits until the daemon has ended its worker.
func (d daemon) stop() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	force := time.AfterFunc(commandPatience, func() { _ = d.cmd.Process.Kill() })
	defer force.Stop()
	_ = d.cmd.Wait() // says EPIPE: nobody reads its last words
}
