package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// daemonName is the file that the daemon runs: a copy of this program, or the bench would pass for one of its processes.
const daemonName = "benchd"

const worker = "worker"

func installDaemon(path string) error {
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

// beDaemon is `benchd PIDFILE ENDING`: a main process with one worker, as a small apache2. After a TERM the main process
// removes its pidfile (who goes by that alone returns too early) and takes ENDING to finish its work. It outlives the
// worker, so its end is that of the daemon's last process. As its last act it writes the time to stdout.
func beDaemon(args []string) error {
	if len(args) == 1 && args[0] == worker {
		time.Sleep(patience)
		return nil
	}
	if len(args) != 2 {
		return errors.New("usage: benchd PIDFILE ENDING")
	}
	ending, err := time.ParseDuration(args[1])
	if err != nil {
		return err
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, unix.SIGTERM)
	w := exec.Command("/proc/self/exe", worker)
	w.Args[0] = os.Args[0]
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Wait()
	defer w.Process.Kill()
	if err := os.WriteFile(args[0], fmt.Appendln(nil, os.Getpid()), 0o644); err != nil {
		return err
	}
	fmt.Println("ready")
	select {
	case <-stop:
	case <-time.After(patience): // the bench was killed
	}
	if err := os.Remove(args[0]); err != nil {
		return err
	}
	time.Sleep(ending)
	if err := w.Process.Kill(); err != nil {
		return err
	}
	_ = w.Wait() // says that it was killed
	fmt.Println(monotonic().Nanoseconds())
	return nil
}
