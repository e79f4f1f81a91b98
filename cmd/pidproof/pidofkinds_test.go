package main

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// kind arranges one program and its processes.
type kind struct {
	name    string
	root    bool // only root can
	arrange func(*world)
}

var kinds = []kind{
	{name: "plain", arrange: plain},
	{name: "argv[0] changed", arrange: argv0Changed},
	{name: "title changed", arrange: titled},
	{name: "replaced", arrange: replacedOnly},
	{name: "replaced plus new", arrange: replacedPlusNew},
	{name: "removed", arrange: removed},
	{name: "moved", arrange: movedAway},
	{name: "symbolic link", arrange: symbolicLink},
	{name: "hard link", arrange: hardLink},
	{name: "script", arrange: shebang},
	{name: "script and program", arrange: becameScript},
	{name: "zombie", arrange: zombie},
	{name: "stopped", arrange: stopped},
	{name: "first thread ended", arrange: firstThreadEnded},
	{name: "long names", arrange: longNames},
	{name: "called deleted", arrange: calledDeleted},
	{name: "another user's", root: true, arrange: anotherUsers},
	{name: "PID namespace", root: true, arrange: otherPIDNamespace},
	{name: "mount tree", root: true, arrange: otherTree},
	{name: "chroot", root: true, arrange: jailed},
	{name: "chroot with a script", root: true, arrange: jailedScript},
}

func plain(w *world) {
	name, path := w.program(w.pick("", "d", " with blanks"))
	w.run("plain", path, 3)
	w.start("through the directory link", w.at("link/"+name), []string{w.at("link/" + name)})
	w.start("by a relative path", path, []string{"./bin/" + name})
	w.ask(path+"/", filepath.Dir(path)+"/none-"+name, "none-"+name, "/")
}

func argv0Changed(w *world) {
	name, path := w.program("")
	other := w.name("")
	all := []string{name, other, "/usr/sbin/" + other, "-" + name, "-" + other, "", name + ": master [" + other + "]",
		"./" + name, name + "/", other + " " + name}
	for _, i := range w.rand.Perm(len(all))[:4] {
		argv := append([]string{all[i]}, [][]string{nil, {"-u"}, {w.at("fifo")}, {"-u", w.at("fifo")}}[w.rand.IntN(4)]...)
		w.start("argv[0] changed", path, argv)
	}
	w.ask(other, "/usr/sbin/"+other, "./"+name, w.bin(other))
	if w.chance(50) {
		// Nobody runs the program of that path any more, or only the next one.
		w.rename(path, w.bin(w.name("")))
		if w.chance(50) {
			w.install(w.cat(), path)
		}
	}
}

func titled(w *world) {
	name, path := w.program("")
	w.install(w.demod(), path)
	title := w.name("")
	w.daemon("title in comm", path, path, title)
	w.daemon("title in argv and comm", path, name+": "+title+" worker", title)
	w.daemon("several threads", path, path, name)
	w.ask(title, w.bin(title))
}

func replacedOnly(w *world) {
	_, path := w.program("")
	w.run("of the old file", path, 2)
	w.install(w.cat(), path)
}

func replacedPlusNew(w *world) {
	name, path := w.program("")
	w.run("of the old file", path, 2)
	if w.chance(40) { // dpkg keeps it under this name for a while
		w.rename(path, path+".dpkg-tmp")
		w.ask(path+".dpkg-tmp", name+".dpkg-tmp")
	}
	w.install(w.cat(), path)
	w.run("of the new file", path, 2)
}

func removed(w *world) {
	_, path := w.program("")
	w.run("of a removed file", path, 2)
	w.remove(path)
}

func movedAway(w *world) {
	_, path := w.program("")
	w.run("moved while it ran", path, 2)
	name := w.name("")
	w.rename(path, w.bin(name))
	w.ask(name, w.bin(name))
	if w.chance(60) {
		w.install(w.cat(), path)
		w.run("in its place", path, 1)
	}
}

// symbolicLink: one name of a program, or one of several.
func symbolicLink(w *world) {
	_, path := w.program("-1.2")
	links := []string{w.bin(w.name("")), w.bin(w.name(""))}[:1+w.rand.IntN(2)]
	for _, link := range links {
		w.must(os.Symlink(filepath.Base(path), link))
		w.run("through a link", link, 2)
		w.ask(link, filepath.Base(link))
	}
	w.run("by its own name", path, 1)
	w.start("under a strange name", path, []string{w.name("")})
	if w.chance(50) {
		w.install(w.cat(), path)
		w.run("through a link, of the new file", links[0], 1)
	}
}

func hardLink(w *world) {
	_, path := w.program("")
	second := w.bin(w.name(""))
	w.must(os.Link(path, second))
	w.run("by the first name", path, 2)
	w.run("by the second name", second, 1)
	w.start("by the first name, called the second", path, []string{second})
	w.ask(second, filepath.Base(second))
	if w.chance(50) {
		w.remove(path)
	}
}

func zombie(w *world) {
	for _, suffix := range []string{"", "", "-of-more-than-15"} {
		_, path := w.program(suffix)
		if w.chance(30) {
			w.run("beside a zombie", path, 1)
		}
		p := w.start("zombie", path, []string{path})
		p.life = ended
		w.must(p.cmd.Process.Kill())
		w.await(p, "Z")
	}
}

func stopped(w *world) {
	_, path := w.program("")
	p := w.start("stopped", path, []string{path})
	w.must(p.cmd.Process.Signal(unix.SIGSTOP))
	w.await(p, "T")
}

func firstThreadEnded(w *world) {
	name, path := w.program("")
	w.install(w.demod(), path)
	for range 1 + w.rand.IntN(2) {
		p := w.daemon("first thread ended", path, path, name, "-headless")
		w.await(p, "Z")
		p.life, p.argv = headless, nil
	}
	if w.chance(50) {
		w.install(w.demod(), path)
	}
}

// longNames have their first 15 characters in common.
func longNames(w *world) {
	tail := w.name("-of-more-than-")
	for _, suffix := range []string{"one", "two"} {
		name := tail + suffix
		w.install(w.cat(), w.bin(name))
		w.ask(name, w.bin(name))
		w.run("long name", w.bin(name), 2)
		w.start("long name, a title", w.bin(name), []string{"ready: 5 workers"})
	}
	w.ask(commOf(tail))
}

func calledDeleted(w *world) {
	name, path := w.program("")
	literal := path + " (deleted)"
	w.install(w.cat(), literal)
	w.run("really called deleted", literal, 2)
	w.ask(literal, name+" (deleted)")
	switch w.rand.IntN(3) {
	case 0:
		w.remove(path)
	case 1:
		w.run("not called deleted", path, 1)
	}
}
