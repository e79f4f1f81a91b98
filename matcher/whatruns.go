package matcher

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
)

// instanceOf tells what a pidfile stands for that nobody registered: first whether
// the number still is that of its writer, then by the file that this one runs.
func (h *host) instanceOf(p rules.Pidfile) Listed {
	in := Instance{Pidfile: p.Path, criteria: rules.Criteria{Pidfile: p.Path}}
	listed := Listed{Report: h.alone(in, p), Known: -1}
	if listed.Main == nil || listed.Main.Evidence.Life != fact.Alive || listed.Main.Decision.Outcome == rules.NotThis {
		return h.withoutFirst(listed, p)
	}
	if listed.Main.Evidence.Exe.State != fact.Known && listed.Verdict == Running {
		return listed.unread("its executable cannot be read; " + rules.Remedy(listed.Main.Evidence))
	}
	if err := h.Unforeseen(listed.Main.Evidence.Exe.Value.IDErr); err != nil && listed.Verdict == Running {
		return listed.unread(fmt.Sprintf("which file its %s is cannot be read (%s)", listed.Main.Evidence.Exe.Value.Link, fact.Plain(err)))
	}
	// What it runs proves nothing about whose the number is: that was asked before.
	for _, program := range h.programs(listed.Main.Evidence) {
		proven := h.aloneAs(Instance{Daemon: program, Pidfile: p.Path}, p, func() (rules.Daemon, error) {
			return h.guessed(program, listed.Main.Evidence.Exe.Value)
		})
		// A guess that it was a script, of which nothing is left, is none.
		running := proven.Verdict == Running && proven.Rule != rules.RuleBecame && listed.Verdict == Running && proven.Daemon.File.State != fact.Unreadable
		if running || slices.Contains([]rules.Rule{rules.RuleRecycled, rules.RuleContested, rules.RuleLate, rules.RuleUnreadable}, proven.Rule) {
			listed.Report = proven
			break
		}
		if err := h.untold(proven); err != nil {
			listed.Report = proven
			return listed.unread(err.Error())
		}
		listed.Daemon = proven.Daemon
	}
	return listed
}

// unread is what cannot be told, for want of what was to be read.
func (l Listed) unread(why string) Listed {
	l.Verdict, l.PidfileVerdict, l.Rule, l.Reason = Unknown, Unknown, rules.RuleUnreadable, why
	return l
}

// untold is why it cannot be told whether a process runs what it seems to run: an error that
// says nothing of it.
func (h *host) untold(r Report) error {
	err := h.Unforeseen(r.Daemon.File.Err)
	if r.Main != nil {
		err = cmp.Or(err, h.fault(*r.Main))
	}
	return err
}

// furtherAsked is how many of a pidfile's further numbers are asked what they run.
const furtherAsked = 8

// withoutFirst tells what a pidfile stands for whose first process is over: what runs
// under its next number, if that proves to be the daemon by what it runs.
func (h *host) withoutFirst(listed Listed, p rules.Pidfile) Listed {
	further := p.Numbers().All()[1:]
	for _, pid := range further[:min(len(further), furtherAsked)] {
		met, err := h.meet(pid)
		met.Release()
		if err != nil || met.Evidence.Life != fact.Alive {
			continue
		}
		for _, program := range h.programs(met.Evidence) {
			found := h.aloneAs(Instance{Daemon: program, Pidfile: p.Path}, p, func() (rules.Daemon, error) {
				return h.guessed(program, met.Evidence.Exe.Value)
			})
			if found.Verdict == Running && found.Rule != rules.RuleBecame { // see instanceOf
				listed.Report = found
				return listed
			}
		}
	}
	return listed
}

// programs are the daemons that a process may be said to run, the likeliest first:
// the script of an interpreter, the link that one of several programs in a file was
// started by, and its executable.
func (h *host) programs(e fact.Evidence) (paths []string) {
	if e.Exe.State != fact.Known || e.Tree == fact.OtherPlace && e.UserNS != fact.SamePlace {
		return nil
	}
	exe := h.onDisk(e.Exe.Value)
	anything := (rules.Daemon{Path: exe}).RunsAnything()
	if !anything && rules.Bears(e.Comm, filepath.Base(exe)) {
		return []string{exe}
	}
	if e.Argv = h.ReadArgv(e.PID); fact.Unforeseen(e.Argv.Err) != nil {
		return nil
	}
	for _, word := range (rules.Daemon{}).ScriptWords(e) {
		if !anything || !filepath.IsAbs(word) {
			continue
		}
		its, ours := h.ScriptFile(e, word), h.LookFor(word, kernel.MaxLinks)
		if kernel.Same(its, ours) {
			paths = append(paths, filepath.Clean(word))
		} else if err := cmp.Or(its.Err, ours.Err); err != nil && !fact.Missing(err) {
			return nil // it may be a script, and its interpreter is not what it runs
		}
	}
	if link := h.startedBy(e, exe); link != "" {
		paths = append(paths, link)
	}
	return append(paths, exe)
}

// startedBy is the link of another name by which a process was started, if it leads to its
// executable, or to what is in that one's place by now: redis-server leads to
// redis-check-rdb. "" if there is none.
func (h *host) startedBy(e fact.Evidence, exe string) string {
	name := rules.Argv0Base(e.Argv.Value)
	if name == "" || name == filepath.Base(exe) {
		return ""
	}
	link, _, _ := strings.Cut(rules.Argv0(e.Argv.Value), " ")
	if !filepath.IsAbs(link) {
		var err error
		if link, err = h.lookPath(name); err != nil || link == "" {
			return ""
		}
	}
	link = filepath.Clean(link)
	if file := h.LookFor(link, kernel.MaxLinks); file.State == fact.Known && file.Value == e.Exe.Value.ID {
		return link
	}
	if !h.OnlyRootLeads(link) {
		return ""
	}
	if real, err := realPath(link); err != nil || real != exe {
		return ""
	}
	return link
}

// onDisk is the path that the running file has, or had before it was replaced.
func (h *host) onDisk(x fact.Exe) string {
	paths := rules.PathsOf(x)
	if len(paths) == 1 {
		return paths[0]
	}
	if now := h.LookFor(paths[0], 0); x.ID.Known() && now.State == fact.Known && now.Value == x.ID {
		return paths[0]
	}
	return paths[len(paths)-1]
}

// guessed is what a process seems to run. Where somebody else can change what lies at the
// path, it is looked at once, step by step: he could lead whoever comes back to it into a
// file system that does not answer.
func (h *host) guessed(program string, x fact.Exe) (rules.Daemon, error) {
	if h.Still || h.OnlyRootLeads(program) {
		find, _ := h.daemons.LoadOrStore(program, sync.OnceValues(func() (rules.Daemon, error) { return h.findDaemon(program) }))
		return find.(func() (rules.Daemon, error))()
	}
	d := rules.DaemonOf(x)
	d.Name = d.Path
	st, err := h.Look(d.Path, 0, kernel.IdentityMask|unix.STATX_NLINK|unix.STATX_UID)
	if err != nil {
		d.File = fact.Failed[fact.FileID](err)
		return d, nil
	}
	d.File, d.Links, d.Owner = fact.Of(kernel.IdOf(st)), uint64(st.Nlink), int(st.Uid)
	if link := h.LookFor(program, kernel.MaxLinks); program != d.Path && link.State == fact.Known && link.Value == x.ID {
		d.Name, d.Path = program, program // the link that it was started by
	}
	return d, nil
}
