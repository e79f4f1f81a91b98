package main

import (
	"os"
	"path/filepath"
	"strings"

	"pidproof/testdata/need"
)

// The kinds that are scripts.

func shebang(w *world) {
	name, path := w.program("")
	line := w.pick("#!/bin/sh", "#!/bin/sh -e", "#! /bin/sh -", "#!/usr/bin/env sh")
	w.write(line+scriptText, path)
	w.script(path, path)
	w.script(path, "./bin/"+name)
	w.script(path, name)
	w.script(path, path, "sh")
	w.script(path, "bin/"+name, "sh", "-e")
	w.script(path, path, "sh", "-o", "errexit")
	switch w.rand.IntN(4) {
	case 0:
		w.write(line+scriptText+"# edited\n", path)
	case 1:
		w.remove(path)
	case 2: // a second name
		link := w.bin(w.name(""))
		w.must(os.Symlink(name, link))
		w.script(link, link)
		w.ask(link, filepath.Base(link))
	}
}

// scriptText says when the script runs, and waits. Both are the shell's own
// commands: nothing is forked.
const scriptText = "\necho ready\nread -r line\n"

// script starts a script by a word that leads to it, or gives it to a shell.
func (w *world) script(path, word string, shell ...string) {
	sh := need.Program(w.t, "sh")
	var ready func()
	p := w.start("script", sh, append(shell, word), func(p *arranged) {
		p.script, ready = path, w.scriptReady(p)
		if shell == nil {
			p.cmd.Path, p.comm = word, commOf(path)
		}
		if !strings.Contains(word, "/") {
			p.cmd.Dir = filepath.Dir(path)
		}
	})
	ready()
	if shell != nil {
		return
	}
	content, err := os.ReadFile(path)
	w.must(err)
	line, _, _ := strings.Cut(strings.TrimPrefix(string(content), "#!"), "\n")
	// What the kernel makes of it: the interpreter, its one argument, the path as executed.
	p.argv = append(strings.Fields(line), word)
	if strings.Contains(line, "env ") {
		p.argv, p.comm = []string{"sh", word}, "sh"
	}
}

// scriptReady waits for the first line of a script's output.
func (w *world) scriptReady(p *arranged) func() {
	out, err := os.Create(w.at(w.name(".out")))
	w.must(err)
	p.cmd.Stdout = out
	return func() {
		w.must(pollUntil(p.how+" says that it runs", func() bool {
			st, err := out.Stat()
			return err == nil && st.Size() > 0
		}))
		w.must(out.Close())
	}
}

// becameScript: a program that is a script in the next release, or the reverse.
func becameScript(w *world) {
	_, path := w.program("")
	const text = "#!/bin/sh" + scriptText
	if w.chance(50) {
		w.run("before it became a script", path, 2)
		w.write(text, path)
		w.script(path, path)
		return
	}
	w.write(text, path)
	w.script(path, path)
	w.install(w.cat(), path)
	w.run("no script any more", path, 2)
}
