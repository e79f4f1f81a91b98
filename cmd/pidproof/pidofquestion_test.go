package main

import (
	"os"
	"path/filepath"
	"strings"
)

// question is one program that is asked for. Its methods say what the manual
// says of each process that the test arranged: they are the rules once more, of
// known truth instead of /proc.
type question struct {
	program string
	x, z    bool
	uid     int         // who asks
	canon   string      // the path, links resolved
	now     os.FileInfo // what lies there; nil: nothing
	script  bool        // that is one
	multi   bool        // that file has other names beside this one and its own
	titles  bool        // sysvinit's takes the first argument for the path, as 3.14 does
}

func (w *world) question(program string, x, z bool, uid int) question {
	q := question{program: program, x: x, z: z, uid: uid, titles: w.titles}
	if !q.byPath() {
		return q
	}
	if q.canon, q.now = realFile(program); q.now == nil {
		return q
	}
	content, err := os.ReadFile(q.canon)
	q.script = err == nil && strings.HasPrefix(string(content), "#!")
	dir := filepath.Dir(q.canon)
	entries, err := os.ReadDir(dir)
	w.must(err)
	for _, entry := range entries {
		other := filepath.Join(dir, entry.Name())
		st, err := os.Stat(other)
		q.multi = q.multi || err == nil && os.SameFile(st, q.now) && other != q.canon && entry.Name() != filepath.Base(program)
	}
	return q
}

// realFile resolves links; where the file is gone, those of its directory.
func realFile(path string) (string, os.FileInfo) {
	if strings.HasSuffix(path, "/") {
		return path, nil
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		if st, err := os.Stat(real); err == nil && st.Mode().IsRegular() {
			return real, st
		}
		return real, nil
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(dir, filepath.Base(path)), nil
	}
	return path, nil
}

func (q question) byPath() bool { return filepath.IsAbs(q.program) }

// reads: what a process runs, its owner and root may see.
func (q question) reads(p *arranged) bool { return q.uid == 0 || q.uid == p.uid }

// aliased: the path is a link to a file of another name.
func (q question) aliased() bool { return filepath.Base(q.canon) != filepath.Base(q.program) }

// runs: the process runs the file, or the one before it, under a name that fits.
func (q question) runs(p *arranged) bool {
	if !q.byPath() || !q.reads(p) || p.life == ended || p.pidNS || p.tree || p.script != "" {
		return false
	}
	return (q.wasAt(p) || q.now != nil && os.SameFile(p.image, q.now)) && q.fits(p)
}

// wasAt: its file lay at this path, and has been replaced, removed or, by dpkg,
// renamed since.
func (q question) wasAt(p *arranged) bool {
	return p.gone && p.path == q.canon || !p.gone && p.path == q.canon+".dpkg-tmp"
}

// fits: where one file has several names, the one that the process was started
// under counts.
func (q question) fits(p *arranged) bool {
	if !q.aliased() && (!q.multi || p.path == q.canon) {
		return true
	}
	name := p.comm
	if len(p.argv) > 0 && p.argv[0] != "" {
		name = filepath.Base(p.argv[0])
	}
	return name == filepath.Base(q.program) || q.aliased() && !q.multi && name == filepath.Base(q.canon)
}

// mayRun: of a process that may not be looked at, the kernel's name fits.
func (q question) mayRun(p *arranged) bool {
	if p.life == ended || p.pidNS {
		return false
	}
	fits := p.comm == commOf(q.program) || !q.multi && p.comm == commOf(q.canon)
	return fits && (q.x || !q.script) || q.namesScript(p)
}

// runsScript: the script that the process was given is this one today.
func (q question) runsScript(p *arranged) bool {
	if !q.byPath() || !q.x || !q.reads(p) || !q.script || p.script == "" || p.root {
		return false
	}
	st, err := os.Stat(p.script)
	return err == nil && os.SameFile(st, q.now)
}

// namesScript: the process was executed as a script of this path, whatever lies
// there now.
func (q question) namesScript(p *arranged) bool {
	if !q.byPath() || !q.x || p.script == "" || p.root && q.reads(p) {
		return false
	}
	word := p.operand()
	return p.comm == commOf(word) && (word == q.program || word == filepath.Base(q.program))
}

// named: the process calls itself so, by the rules of sysvinit's pidof.
func (q question) named(p *arranged) bool {
	base := q.program[strings.LastIndex(q.program, "/")+1:]
	argv0 := ""
	if len(p.argv) > 0 {
		argv0 = p.argv[0]
	}
	if argv0 == q.program || argv0 == base || argv0 != "" && argv0[strings.LastIndex(argv0, "/")+1:] == q.program {
		return true
	}
	unsaid := argv0 == "" || strings.Contains(argv0, " ") || argv0[0] == '-' && p.operand() == ""
	return unsaid && p.comm == base
}

// operand is the first argument that is no option.
func (p *arranged) operand() string {
	for i, word := range p.argv {
		if i > 0 && !strings.HasPrefix(word, "-") {
			return word
		}
	}
	return ""
}
