package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// peers are the two pidofs in one world.
type peers struct {
	*world
	theirs []string
	lists  map[string][]int // what sysvinit's finds for one program
	seen   *occurrences
}

// compare reports whether both did what they are meant to.
func (p *peers) compare(c call) bool {
	p.t.Helper()
	ours := [][]string{{filepath.Join(programs, "pidof")}, {filepath.Join(programs, "pidproof"), "pidof"}}[p.rand.IntN(2)]
	of := map[int]*arranged{}
	for _, a := range p.processes {
		of[a.pid] = a
	}
	var found, meant [][]int
	for _, program := range c.programs {
		q := p.question(program, c.x, c.z, c.uid)
		pids := p.sysvinitFinds(q)
		found = append(found, pids)
		meant = append(meant, p.improve(q, pids))
	}
	name := fmt.Sprintf("pidof %q, asked by uid %d", c.args, c.uid)
	said := p.asked(c.uid, p.theirs, c.args...)
	if stdout, code := c.printed(found, of, true); said.stdout != stdout || said.code != code {
		p.t.Errorf("%s: sysvinit's said %q, exit %d; its options are understood as %q, exit %d",
			name, said.stdout, said.code, stdout, code)
		return false
	}
	stdout, code := c.printed(meant, of, false)
	if late, _ := c.printed(meant, of, true); late != stdout {
		p.seen.add(oneOfEach)
	}
	if said := p.asked(c.uid, ours, c.args...); said.stdout != stdout || said.code != code {
		p.t.Errorf("%s: ours said %q, exit %d (%s); meant is %q, exit %d; sysvinit's finds %v",
			name, said.stdout, said.code, said.stderr, stdout, code, found)
		return false
	}
	return true
}

// sysvinitFinds asks for one program.
func (p *peers) sysvinitFinds(q question) []int {
	p.t.Helper()
	var options []string
	if q.x {
		options = append(options, "-x")
	}
	if q.z {
		options = append(options, "-z")
	}
	args := append(options, "--", q.program)
	key := fmt.Sprint(q.uid, args)
	if pids, known := p.lists[key]; known {
		return pids
	}
	said := p.asked(q.uid, p.theirs, args...)
	var pids []int
	for _, word := range strings.Fields(said.stdout) {
		pid, err := strconv.Atoi(word)
		p.must(err)
		if !slices.ContainsFunc(p.processes, func(a *arranged) bool { return a.pid == pid }) {
			p.t.Fatalf("%s %q finds %d, which is not of this test", p.theirs, args, pid)
		}
		pids = append(pids, pid)
	}
	p.lists[key] = pids
	return pids
}

// improve applies the documented improvements to what sysvinit's found.
func (p *peers) improve(q question, found []int) []int {
	p.t.Helper()
	meant := slices.Clone(found)
	for _, a := range p.processes {
		listed := slices.Contains(found, a.pid)
		var adding, dropping []string
		for _, i := range improvements {
			if i.adds != nil && i.adds(q, a) {
				adding = append(adding, i.name)
			}
			if i.drops != nil && i.drops(q, a) {
				dropping = append(dropping, i.name)
			}
		}
		switch {
		case adding != nil && dropping != nil:
			p.t.Errorf("pidof %q: %v and %v contradict each other about %d", q.program, adding, dropping, a.pid)
		case adding != nil && !listed:
			meant = append(meant, a.pid)
			p.seen.add(adding...)
		case dropping != nil && listed:
			meant = slices.DeleteFunc(meant, func(pid int) bool { return pid == a.pid })
			p.seen.add(dropping...)
		}
	}
	slices.Sort(meant)
	slices.Reverse(meant)
	return meant
}
