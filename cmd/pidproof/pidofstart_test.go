package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"pidproof/testdata/need"
)

// How a world's programs are installed and started.

// cat waits for its standard input, whatever it is called; demod is for what cat
// cannot do.
func (w *world) cat() string   { return need.Program(w.t, "cat") }
func (w *world) demod() string { return filepath.Join(programs, "demod") }

// program installs a new one.
func (w *world) program(suffix string) (name, path string) {
	name = w.name(suffix)
	path = w.bin(name)
	w.install(w.cat(), path)
	w.ask(name, path)
	return name, path
}

// run starts up to n processes of a path, as a shell does.
func (w *world) run(how, path string, n int, set ...func(*arranged)) {
	for range 1 + w.rand.IntN(n) {
		w.start(how, path, []string{path}, set...)
	}
}

func (w *world) pick(of ...string) string { return of[w.rand.IntN(len(of))] }

// start executes path with these arguments, argv[0] included. That the kernel
// has done so is known when it returns.
func (w *world) start(how, path string, argv []string, set ...func(*arranged)) *arranged {
	w.t.Helper()
	real, err := filepath.EvalSymlinks(path)
	w.must(err)
	image, err := os.Stat(real)
	w.must(err)
	p := &arranged{how: how, image: image, path: real, argv: argv, comm: commOf(path), uid: os.Geteuid()}
	p.cmd = &exec.Cmd{Path: path, Args: argv, Dir: w.dir, Stdin: w.stdin, Env: []string{"PATH=" + os.Getenv("PATH")}}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	for _, s := range set {
		s(p)
	}
	w.must(p.cmd.Start())
	p.pid = p.cmd.Process.Pid
	w.processes = append(w.processes, p)
	return p
}

// daemon starts demod under an argv[0] and a name of the kernel's for it.
func (w *world) daemon(how, path, argv0, comm string, more ...string) *arranged {
	ready := w.at(w.name(".pid"))
	p := w.start(how, path, append([]string{argv0, "-pidfile=" + ready, "-title=" + comm}, more...))
	p.comm = comm
	w.must(pollUntil(how+" is ready", func() bool {
		st, err := os.Stat(ready)
		return err == nil && st.Size() > 0
	}))
	return p
}
