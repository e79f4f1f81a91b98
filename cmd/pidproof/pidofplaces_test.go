package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"pidproof/testdata/need"
)

// The kinds that only root can arrange: other users, namespaces, root directories.

func asStranger(p *arranged) {
	p.uid, p.how = stranger, p.how+", another user's"
	p.cmd.SysProcAttr.Credential = &syscall.Credential{Uid: stranger, Gid: stranger}
}

func anotherUsers(w *world) {
	name, path := w.program("")
	other := w.name("")
	w.run("root's", path, 2)
	if w.chance(60) {
		w.run("stranger's", path, 2, asStranger)
	}
	if w.chance(70) {
		p := w.start("zombie", path, []string{path}, asStranger)
		p.life = ended
		w.must(p.cmd.Process.Kill())
		w.await(p, "Z")
	}
	w.start("under another argv[0]", path, []string{other})
	w.install(w.cat(), w.bin(other))
	w.start("spoofs argv[0]", w.bin(other), []string{path})
	w.start("spoofs argv[0]", w.bin(other), []string{name}, asStranger)
	w.ask(other, w.bin(other))
}

func otherPIDNamespace(w *world) {
	_, path := w.program("")
	w.run("ours", path, 1)
	w.start("in another PID namespace", path, []string{path}, func(p *arranged) {
		p.pidNS = true
		p.cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWPID | unix.CLONE_NEWNS
	})
	if w.chance(50) {
		w.install(w.cat(), path)
	}
}

// unshared replaces the command by what a shell does in a mount tree of its own,
// and the process by what that becomes.
func (w *world) unshared(p *arranged, does string) {
	unshare := need.Program(w.t, "unshare")
	p.cmd.Args = append([]string{unshare, "--mount", "sh", "-euc", does + `; exec "$0"`, p.path}, p.argv[1:]...)
	p.cmd.Path = unshare
}

func otherTree(w *world) {
	name := w.name("")
	dir := w.at(w.name(".d"))
	w.must(os.Mkdir(dir, 0o755))
	path := filepath.Join(dir, name)
	w.install(w.cat(), path)
	w.ask(name, path)
	w.run("ours", path, 1)
	inside := w.start("another file system at its path", path, []string{path}, func(p *arranged) {
		p.tree = true
		w.unshared(p, `mount -t tmpfs none "${0%/*}"; cp "`+w.cat()+`" "$0"`)
	})
	private := w.start("a mount tree of its own, our file", path, []string{path}, func(p *arranged) { w.unshared(p, "mount -t tmpfs none /mnt") })
	for _, p := range []*arranged{inside, private} {
		w.must(pollUntil("unshare has become "+name, func() bool {
			exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.pid))
			return err == nil && strings.TrimSuffix(exe, " (deleted)") == path
		}))
	}
}

// jailed has its own copy at the same path, seen from inside.
func jailed(w *world) {
	name := w.name("")
	path, jail := w.bin(name), w.at(w.name(".jail"))
	inner := filepath.Join(jail, path)
	w.must(errors.Join(os.MkdirAll(filepath.Dir(inner), 0o755), os.MkdirAll(jail+"/proc", 0o755)))
	// demod needs a /proc. The mount is in the tests' own tree, and goes first.
	w.must(unix.Mount("/proc", jail+"/proc", "", unix.MS_BIND, ""))
	w.t.Cleanup(func() {
		if err := unix.Unmount(jail+"/proc", unix.MNT_DETACH); err != nil {
			w.t.Error(err)
		}
	})
	w.install(w.demod(), path)
	w.install(w.demod(), inner)
	w.ask(name, path, inner)
	w.daemon("outside of the jail", path, path, name)
	w.jail(jail, path, name)
	if w.chance(50) {
		w.jail(jail, path, name) // so that the newest is in the jail
	} else {
		w.daemon("outside of the jail", path, path, name)
	}
}

func (w *world) jail(jail, path, name string) {
	ready := w.name(".pid")
	image, err := os.Stat(filepath.Join(jail, path))
	w.must(err)
	w.start("in a jail", path, []string{path, "-pidfile=/" + ready, "-title=" + name}, func(p *arranged) {
		p.root, p.image, p.path = true, image, filepath.Join(jail, path)
		p.cmd.SysProcAttr.Chroot, p.cmd.Dir = jail, "/"
	})
	w.must(pollUntil("the jail's daemon is ready", func() bool {
		st, err := os.Stat(filepath.Join(jail, ready))
		return err == nil && st.Size() > 0
	}))
}

// jailedScript runs a script of its own at the same path, under the host's shell.
func jailedScript(w *world) {
	const text = "#!/bin/sh" + scriptText
	name, jail := w.name(""), w.at(w.name(".jail"))
	dir := w.at(w.name(".d"))
	path := filepath.Join(dir, name)
	w.must(errors.Join(os.Mkdir(dir, 0o755), os.Mkdir(jail, 0o755)))
	w.write(text, path)
	w.ask(name, path)
	if w.chance(50) {
		w.script(path, path)
	}
	sh := need.Program(w.t, "sh")
	var ready func()
	w.start("script in a jail", sh, []string{"/bin/sh", path}, func(p *arranged) {
		p.root, p.comm, p.script, ready = true, commOf(path), jail+path, w.scriptReady(p)
		p.cmd.Path = need.Program(w.t, "unshare")
		p.cmd.Args = []string{p.cmd.Path, "--mount", "sh", "-euc", `cd "$0"; mkdir -p host "$0${1%/*}"; mount --bind / host
for dir in bin lib lib64 usr; do ln -s "host/$dir" .; done
printf '%s' "$2" >"$0$1"; chmod 755 "$0$1"; exec chroot "$0" "$1"`, jail, path, text}
	})
	ready()
}
