package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"pidproof/matcher"
)

const (
	textWidth   = 80
	labelWidth  = 10
	timeLayout  = "2006-01-02 15:04:05"
	green       = "\x1b[1;32m"
	yellow      = "\x1b[1;33m"
	red         = "\x1b[1;31m"
	plainColour = "\x1b[0m"
)

// page writes labelled paragraphs, wrapped to 80 columns.
type page struct {
	w      io.Writer
	colour bool
}

func writeText(w io.Writer, colour bool, r matcher.Report) {
	p := page{w, colour}
	p.headline(r)
	p.daemon(r.Daemon)
	p.pidfile(r)
	if r.Main != nil {
		p.process(r)
		p.rules(r.Main.Decision.Steps)
	}
	p.tree(r)
	for i, n := range r.Notes {
		p.put(first(i, "Notes"), n)
	}
	p.put("Next", advice(r))
}

// wantsColour: on a terminal only, and never against the user's NO_COLOR
// (no-color.org) or a terminal that knows none.
func wantsColour(w io.Writer) bool {
	f, isFile := w.(*os.File)
	if !isFile || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	return isTerminal(f)
}

func (p page) headline(r matcher.Report) {
	paint := map[matcher.Verdict]string{matcher.Running: green, matcher.Dead: yellow, matcher.NotRunning: yellow}[r.Verdict]
	if paint == "" {
		paint = red
	}
	verdict := strings.ToUpper(strings.ReplaceAll(r.Verdict.String(), "-", " "))
	if p.colour {
		verdict = paint + verdict + plainColour
	}
	fmt.Fprintf(p.w, "%s: %s (exit %d, rule %s)\n", printable(filepath.Base(r.Daemon.Path)), verdict, exitCode(r.Verdict), r.Rule)
	p.wrap("  ", r.Reason)
	fmt.Fprintln(p.w)
}

func (p page) daemon(d matcher.Daemon) {
	p.put("Daemon", d.Path)
	if d.Real != d.Path {
		p.put("", "a link to "+d.Real)
	}
	switch d.File.State {
	case matcher.Known:
		p.put("", fmt.Sprintf("on disk: device %s", d.File.Value))
	case matcher.Absent:
		p.put("", "not on disk")
	case matcher.Unreadable:
		p.put("", fmt.Sprintf("cannot be read: %v", d.File.Err))
	}
	if d.Script != nil {
		p.put("", "a script for "+d.Script.Path)
	}
}

func (p page) pidfile(r matcher.Report) {
	f := r.Pidfile
	if f.Path == "" {
		return
	}
	p.put("Pidfile", f.Path)
	switch {
	case f.State == matcher.PidfileNames && len(f.Rest) > 0:
		p.put("", fmt.Sprintf("names PID %d, and after it %s", f.PID, strings.Trim(fmt.Sprint(f.Rest), "[]")))
	case f.State == matcher.PidfileNames:
		p.put("", fmt.Sprintf("names PID %d", f.PID))
	case f.Why != "":
		p.put("", f.State.String()+": "+f.Why)
	default:
		p.put("", f.State.String())
	}
	if !f.ID.Known() {
		return
	}
	p.put("", fmt.Sprintf("owner %s, group %s, mode %s, %s", userName(f.Owner), groupName(f.Group), mode(f.Mode), count(int(f.HardLinks), "link")))
	p.put("", fmt.Sprintf("written %s (%s ago)", f.Written.Format(timeLayout), matcher.Span(time.Since(f.Written))))
	if r.Main != nil && !r.Main.Evidence.Started.IsZero() {
		if ok, why := f.Vouches(r.Main.Evidence.UID, r.Main.Evidence.EUID); ok {
			p.put("", "trusted: "+why)
		} else {
			p.put("", "not trusted: "+why)
		}
	}
}

func (p page) process(r matcher.Report) {
	e := r.Main.Evidence
	if e.Started.IsZero() || e.Life != matcher.Alive {
		p.put("Process", fmt.Sprintf("%d: %s", e.PID, e.Life))
		return
	}
	p.put("Process", fmt.Sprintf("%d, called %q, state %s, held by %s", e.PID, e.Comm, e.State, e.Pin))
	switch x := e.Exe.Value; {
	case e.Exe.State == matcher.Known && x.ID.Known():
		p.put("", fmt.Sprintf("executable %s, device %s", x.Link, x.ID))
	case e.Exe.State == matcher.Known:
		p.put("", "executable "+x.Link)
	default:
		p.put("", fmt.Sprintf("executable %s: %v", e.Exe.State, e.Exe.Err))
	}
	if e.Argv.State == matcher.Known {
		p.put("", "arguments "+abridge(strings.Join(e.Argv.Value, " ")))
	}
	p.put("", fmt.Sprintf("user %s (effective %s)", userName(e.UID), userName(e.EUID)))
	p.put("", fmt.Sprintf("parent %d, process group %d, session %d", e.PPID, e.Group, e.Session))
	when := "started " + e.Started.Format(timeLayout)
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
	p.put("", when)
	where := fmt.Sprintf("PID namespace %s, mount tree %s", e.PIDNS, e.Tree)
	if e.Tree == matcher.OtherPlace {
		where += fmt.Sprintf(", user namespace %s", e.UserNS)
	}
	p.put("", where)
	if s := sockets(*r.Main); s != "" {
		p.put("", s)
	}
}

func (p page) rules(steps []matcher.Step) {
	for i, s := range steps {
		mark := "no "
		switch {
		case i == len(steps)-1:
			mark = "YES" // the one that decided
		case s.Applied:
			mark = "yes"
		}
		p.wrap(fmt.Sprintf("%-*s%s %-11s ", labelWidth, first(i, "Rules"), mark, s.Rule), s.Why)
	}
}

func (p page) put(label, text string) {
	p.wrap(fmt.Sprintf("%-*s", labelWidth, label), text)
}

// wrap breaks text between words, below the label's end.
func (p page) wrap(label, text string) {
	line := label
	words := strings.Split(printable(text), " ")
	for i, w := range words {
		if i > 0 && len([]rune(line))+1+len([]rune(w)) > textWidth {
			fmt.Fprintln(p.w, strings.TrimRight(line, " "))
			line = strings.Repeat(" ", len(label)) + w
			continue
		}
		if i > 0 {
			line += " "
		}
		line += w
	}
	fmt.Fprintln(p.w, strings.TrimRight(line, " "))
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

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func mode(m fs.FileMode) string { return fmt.Sprintf("%04o", uint32(m)) }

func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return strconv.Itoa(uid)
}

func groupName(gid int) string {
	if g, err := user.LookupGroupId(strconv.Itoa(gid)); err == nil {
		return g.Name
	}
	return strconv.Itoa(gid)
}

func sockets(p matcher.Process) string {
	var words []string
	for _, s := range p.Sockets.Value {
		words = append(words, s.String())
	}
	if len(words) == 0 {
		return ""
	}
	return "listens on " + strings.Join(words, ", ")
}
