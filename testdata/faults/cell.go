package faults

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// cellOrder is one command in one situation, and how many of its faults are to be
// tried; 0: all of them.
type cellOrder struct {
	Situation, Command string
	Faults             int
	Again              bool // what was missed is aimed at
	Seed               uint64
	Each               bool    // every errno, not only one of each kind
	Errno              string  // this one alone, if it is not ""
	Only               []fault // these alone, if there are any
}

// cellResult is what came of one.
type cellResult struct {
	Situation, Command string
	Exit               int // without a fault
	Runs, Hits         int
	// Reached and Occurrences: how many of the calls that the command makes without a
	// fault were hit by one.
	Reached, Occurrences int
	Failures             []string
}

// playing is a cell while it is played.
type playing struct {
	host          *host
	situation     situation
	command       command
	scene         *scene
	without, last run // without a fault, and the last one
	aim           aim
	result        cellResult
}

// play plays a cell.
func (h *host) play(o cellOrder) (cellResult, error) {
	p := playing{host: h, situation: situationOf(o.Situation), command: commandOf(o.Command),
		result: cellResult{Situation: o.Situation, Command: o.Command}}
	if err := p.begin(); err != nil || len(p.result.Failures) > 0 {
		return p.result, err
	}
	random := rand.New(rand.NewPCG(o.Seed, 0))
	faults := o.faults(p.without, random)
	for _, f := range faults {
		if err := p.try(f); err != nil {
			return p.result, err
		}
	}
	const again = 6
	for n := 0; n < again && o.Again; n++ {
		alone, err := p.run(fault{Alone: true})
		if err != nil {
			return p.result, err
		}
		for _, f := range p.aim.missed(faults, alone, random) {
			if err := p.try(f); err != nil {
				return p.result, err
			}
		}
	}
	p.result.Reached, p.result.Occurrences = len(p.aim.reached), len(p.aim.all)
	return p.result, nil
}

// begin arranges the situation, and runs the command without a fault.
func (p *playing) begin() (err error) {
	if p.scene, err = p.host.set(p.situation, p.command); err != nil {
		return err
	}
	r, err := p.scene.under(fault{}, p.command)
	if err != nil {
		return err
	}
	p.without, p.last, p.result.Exit = r, r, r.exit
	p.aim = aim{all: occurrences(r), reached: map[occurrence]bool{}}
	if wrong := p.command.judge(p.scene, r, r); wrong != "" {
		p.complain(fault{}, wrong)
	} else if p.command.name == "check" && r.exit != p.situation.check {
		p.complain(fault{}, fmt.Sprintf("exit %d, want %d: %s", r.exit, p.situation.check, firstLine(r.stdout+r.stderr)))
	}
	return nil
}

func (p *playing) complain(f fault, what string) {
	what = strings.ReplaceAll(what, p.host.dir, "DIR")
	p.result.Failures = append(p.result.Failures, fmt.Sprintf("%s | %s | %s | %s", p.command.name, p.situation.name, f, what))
}

// run runs the command in the situation, which is arranged anew if the last run has changed it.
func (p *playing) run(f fault) (r run, err error) {
	if p.scene.changed(p.last) {
		if p.scene, err = p.host.set(p.situation, p.command); err != nil {
			return r, err
		}
	}
	p.last, err = p.scene.under(f, p.command)
	return p.last, err
}

// try runs the command with a fault.
func (p *playing) try(f fault) error {
	r, err := p.run(f)
	if err != nil {
		return err
	}
	p.result.Runs++
	which, hit := r.hit(f)
	if hit == nil || !hit.own && r.exit == p.without.exit {
		if wrong := p.command.judge(p.scene, r, p.without); wrong != "" && hit == nil {
			p.complain(f, "not even a fault: "+wrong)
		}
		return nil
	}
	p.result.Hits++
	p.aim.met(f, which)
	wrong := p.command.judge(p.scene, r, p.without)
	if wrong == "" {
		return nil
	}
	lie, err := p.command.indistinguishable(p.scene, p.situation, f, hit, r)
	if err != nil {
		return err
	}
	if p.scene, err = p.host.set(p.situation, p.command); err != nil { // it may have used up the other
		return err
	}
	p.last = run{}
	if !lie {
		p.complain(f, fmt.Sprintf("%s, want exit %d; it failed: %s(%s)", wrong, p.without.exit, hit.name, hit.args))
	}
	return nil
}

// set arranges a situation for a command.
func (h *host) set(sit situation, c command) (*scene, error) {
	s, err := h.arrange(sit)
	if err != nil || c.prepare == nil {
		return s, err
	}
	if err := c.prepare(s); err != nil {
		return s, fmt.Errorf("preparing: %w", err)
	}
	s.files = s.present()
	return s, nil
}

// changed reports that a run has left other processes or files; who got a signal may
// end at any moment.
func (s *scene) changed(by run) bool {
	return len(by.signals()) > 0 || len(s.gone()) > 0 || (command{}).files(s) != ""
}
