package explain

import (
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/matcher"
)

// page is a report for a person.
type page struct{ say.Page }

// Text writes the page for a person; doubt is why what runs unclaimed may be another
// instance's, nil if nothing says so.
func Text(w io.Writer, colour bool, r matcher.Report, doubt error) {
	p := page{say.Page{W: w, Colour: colour}}
	p.headline(r)
	p.daemon(r.Daemon)
	p.pidfile(r)
	if r.Main != nil {
		p.process(r)
		p.rules(asked(r))
	}
	p.tree(r)
	for i, n := range r.Notes {
		p.Put(first(i, "Notes"), n)
	}
	p.Put("Next", advice(r, doubt))
}

func (p page) headline(r matcher.Report) {
	paint := map[matcher.Verdict]string{matcher.Running: say.Green, matcher.Dead: say.Yellow, matcher.NotRunning: say.Yellow}[r.Verdict]
	if paint == "" {
		paint = say.Red
	}
	verdict := strings.ToUpper(strings.ReplaceAll(r.Verdict.String(), "-", " "))
	fmt.Fprintf(p.W, "%s: %s (exit %d, rule %s)\n", say.Printable(filepath.Base(r.Daemon.Called())), p.Paint(paint, verdict), exitcode.Of(r.Verdict), r.Rule)
	p.Wrap("  ", r.Reason)
	fmt.Fprintln(p.W)
}

func (p page) daemon(d matcher.Daemon) {
	p.Put("Daemon", d.Called())
	if d.Label() {
		p.Put("", d.Uncompared())
		return
	}
	if d.Real != d.Path {
		p.Put("", "a link to "+d.Real)
	}
	switch {
	case d.File.Known():
		p.Put("", fmt.Sprintf("on disk: device %s", d.File.Value))
	case d.File.Absent():
		p.Put("", "not on disk")
	case d.File.Unreadable():
		p.Put("", fmt.Sprintf("cannot be read: %v", d.File.Err))
	}
	if d.Script != nil {
		p.Put("", "a script for "+d.Script.Path)
	}
}

func (p page) pidfile(r matcher.Report) {
	f := r.Pidfile
	if f.Path == "" {
		return
	}
	p.Put("Pidfile", f.Path)
	switch {
	case f.NamesProcess():
		names := fmt.Sprintf("names PID %d", f.PID)
		if len(f.Rest) > 0 {
			names += ", and after it " + f.Rest.Few()
		}
		if len(f.Lines) > 0 {
			names += ", and on further lines " + f.Lines.Few()
		}
		p.Put("", names)
	case f.Why != "":
		p.Put("", f.State.String()+": "+f.Why)
	default:
		p.Put("", f.State.String())
	}
	if !f.ID.Known() {
		return
	}
	p.Put("", fmt.Sprintf("owner %s, group %s, mode %s, %s", UserName(f.Owner), groupName(f.Group), mode(f.Mode), say.Count(int(f.HardLinks), "link")))
	when := matcher.Span(time.Since(f.Written)) + " ago"
	if f.Ahead > 0 {
		when = matcher.Span(f.Ahead) + " later than now"
	}
	p.Put("", fmt.Sprintf("written %s (%s)", f.Written.Format(say.TimeLayout), when))
	if r.Main != nil && !r.Main.Evidence.Started.IsZero() {
		if ok, why := f.Vouches(r.Main.Evidence.UID, r.Main.Evidence.EUID); ok {
			p.Put("", "trusted: "+why)
		} else {
			p.Put("", "not trusted: "+why)
		}
	}
}

// asked is the process that the rules were asked about: the one that the pidfile names.
func asked(r matcher.Report) *matcher.Process {
	if r.Wrapper != nil {
		return r.Wrapper
	}
	return r.Main
}

func (p page) process(r matcher.Report) {
	e := r.Main.Evidence
	if w := r.Wrapper; w != nil {
		p.Put("Wrapper", fmt.Sprintf("%d, called %q, which started %d", w.Evidence.PID, w.Evidence.Comm, e.PID))
		p.Put("", "executable "+w.Evidence.Exe.Value.Link)
		if w.Evidence.Argv.Known() {
			p.Put("", "arguments "+abridge(strings.Join(w.Evidence.Argv.Value, " ")))
		}
		p.Put("", fmt.Sprintf("user %s (effective %s)", UserName(w.Evidence.UID), UserName(w.Evidence.EUID)))
	}
	if e.Started.IsZero() || !e.Life.Alive() {
		p.Put("Process", fmt.Sprintf("%d: %s", e.PID, e.Life))
		return
	}
	p.Put("Process", fmt.Sprintf("%d, called %q, state %s, held by %s", e.PID, e.Comm, e.State, e.Pin))
	if pids := r.PIDs(); len(pids) > 1 {
		p.Put("", "one of the main processes "+pids.Few())
	}
	switch x := e.Exe.Value; {
	case e.Exe.Known() && x.ID.Known():
		p.Put("", fmt.Sprintf("executable %s, device %s", x.Link, x.ID))
	case e.Exe.Known():
		p.Put("", "executable "+x.Link)
	default:
		p.Put("", fmt.Sprintf("executable %s: %v", e.Exe.State, e.Exe.Err))
	}
	if e.Argv.Known() {
		p.Put("", "arguments "+abridge(strings.Join(e.Argv.Value, " ")))
	}
	p.Put("", fmt.Sprintf("user %s (effective %s)", UserName(e.UID), UserName(e.EUID)))
	p.Put("", fmt.Sprintf("parent %d, process group %d, session %d", e.PPID, e.Group, e.Session))
	when := "started " + e.Started.Format(say.TimeLayout)
	if !r.Pidfile.Written.IsZero() {
		gap := r.Pidfile.Written.Sub(e.Started)
		relation := "before"
		if gap < 0 {
			relation = "after"
		}
		switch {
		case gap.Abs() < 100*time.Millisecond:
			when += ", when the pidfile was written"
		default:
			when += fmt.Sprintf(", %s %s the pidfile was written", matcher.Span(gap.Abs()), relation)
		}
	}
	p.Put("", when)
	where := fmt.Sprintf("PID namespace %s, mount tree %s", e.PIDNS, e.Tree)
	if e.Tree.Another() {
		where += fmt.Sprintf(", user namespace %s", e.UserNS)
	}
	p.Put("", where)
	if s := ListensOn(r.Main); s != "" {
		p.Put("", s)
	}
}

func (p page) rules(of *matcher.Process) {
	steps := of.Decision.Steps
	for i, s := range steps {
		mark := "no "
		switch {
		case i == len(steps)-1:
			mark = "YES" // the one that decided
		case s.Applied:
			mark = "yes"
		}
		p.Wrap(fmt.Sprintf("%-*s%s %-12s ", say.LabelWidth, first(i, "Rules"), mark, s.Rule), s.Why)
	}
}

// abridge keeps a page of text a page.
func abridge(s string) string {
	const limit = 400
	if len(s) <= limit {
		return s
	}
	return fmt.Sprintf("%s... (%d bytes in all)", s[:limit], len(s))
}

func first(i int, label string) string {
	if i == 0 {
		return label
	}
	return ""
}

func mode(m fs.FileMode) string { return fmt.Sprintf("%04o", uint32(m)) }
