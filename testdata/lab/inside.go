package lab

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// commandPath is where the host's commands are looked for.
const commandPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// enter has a thread of the test's live in the host: what that starts is there, too, as by nsenter(1). That would be one
// process more for each of thousands of commands, and one that forks.
func (h *Host) enter() error {
	entered, commands := make(chan error), make(chan func())
	go onThread(func() {
		err := h.joinNamespaces()
		entered <- err
		if err == nil {
			for do := range commands {
				do()
			}
		}
	})
	if err := <-entered; err != nil {
		return err
	}
	h.inside = commands
	return nil
}

// onThread runs do in a thread that ends then, and that is not the first one: what /proc shows of the process is what that
// is, and it stays until the process ends.
func onThread(do func()) {
	runtime.LockOSThread() // until the goroutine ends, and the thread with it
	if unix.Gettid() != os.Getpid() {
		do()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		onThread(do)
	}()
	<-done
	runtime.UnlockOSThread()
}

// joinNamespaces makes the thread one of the host's: for its children, as for PIDs, and with the host's root directory.
func (h *Host) joinNamespaces() error {
	var files []*os.File
	for _, name := range []string{"uts", "ipc", "net", "pid", "mnt"} { // nothing of the machine's is found after the last
		file, err := os.Open(h.path("ns/" + name))
		if err != nil {
			return err
		}
		defer file.Close()
		files = append(files, file)
	}
	if err := unix.Unshare(unix.CLONE_FS); err != nil { // other threads stay in the machine's root directory
		return err
	}
	for _, file := range files {
		if err := unix.Setns(int(file.Fd()), 0); err != nil {
			return err
		}
	}
	return nil
}

// startInside starts a command in the host.
func (h *Host) startInside(cmd *exec.Cmd) error {
	started := make(chan error)
	h.inside <- func() {
		var err error
		if cmd.Path, err = lookFor(cmd.Args[0]); err == nil {
			err = cmd.Start()
		}
		started <- err
	}
	return <-started
}

// lookFor finds a command as execvp(3) does.
func lookFor(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, dir := range filepath.SplitList(commandPath) {
		file := filepath.Join(dir, name)
		if st, err := os.Stat(file); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", &os.PathError{Op: "looking in the host for", Path: name, Err: os.ErrNotExist}
}
