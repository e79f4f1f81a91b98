package explain

import (
	"io"
	"time"

	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/matcher"
)

// Schema counts incompatible changes of the object below. Fields may be
// added without one. docs/explain-json.md describes every field; a test holds
// the two together.
const Schema = 1

// Report is the object that explain --json prints.
type Report struct {
	Schema    int       `json:"schema"`
	Verdict   string    `json:"verdict"`
	Exit      int       `json:"exit"`
	Rule      string    `json:"rule"`
	Reason    string    `json:"reason"`
	Next      string    `json:"next"`
	Notes     []string  `json:"notes"`
	Daemon    Daemon    `json:"daemon"`
	Pidfile   Pidfile   `json:"pidfile"`
	Process   *Process  `json:"process"`
	Wrapper   *Process  `json:"wrapper,omitempty"`
	Rules     []Step    `json:"rules"`
	Scanned   bool      `json:"scanned"`
	Processes []Process `json:"processes"`
}

// Daemon is the daemon asked for, and its file.
type Daemon struct {
	Name        string `json:"name"`
	Path        string `json:"path"`
	Real        string `json:"real"`
	State       string `json:"state"`
	Device      string `json:"device,omitempty"`
	Inode       uint64 `json:"inode,omitempty"`
	Interpreter string `json:"interpreter,omitempty"`
}

// Pidfile is what was read of the pidfile.
type Pidfile struct {
	Path    string     `json:"path"`
	State   string     `json:"state"`
	Why     string     `json:"why,omitempty"`
	PID     int        `json:"pid,omitempty"`
	Rest    []int      `json:"rest,omitempty"`
	Lines   []int      `json:"lines,omitempty"`
	UID     *int       `json:"uid,omitempty"`
	GID     *int       `json:"gid,omitempty"`
	Mode    string     `json:"mode,omitempty"`
	Links   uint64     `json:"links,omitempty"`
	Written *time.Time `json:"written,omitempty"`
	Trusted *bool      `json:"trusted,omitempty"`
	Trust   string     `json:"trust,omitempty"`
}

// Process is one process, with its role and how that was found.
type Process struct {
	PID      int        `json:"pid"`
	PPID     int        `json:"ppid"`
	Role     string     `json:"role"`
	Instance string     `json:"instance,omitempty"`
	Rule     string     `json:"rule"`
	Reason   string     `json:"reason"`
	Outcome  string     `json:"outcome"`
	Weak     bool       `json:"weak,omitempty"`
	File     string     `json:"file"`
	Life     string     `json:"life"`
	Pin      string     `json:"pin,omitempty"`
	Comm     string     `json:"comm,omitempty"`
	State    string     `json:"state,omitempty"`
	Group    int        `json:"pgrp,omitempty"`
	Session  int        `json:"session,omitempty"`
	UID      *int       `json:"uid,omitempty"`
	EUID     *int       `json:"euid,omitempty"`
	Started  *time.Time `json:"started,omitempty"`
	Exe      Exe        `json:"exe"`
	Argv     Argv       `json:"argv"`
	PIDNS    string     `json:"pid_namespace"`
	Tree     string     `json:"mount_tree"`
	UserNS   string     `json:"user_namespace,omitempty"`
	Sockets  SocketList `json:"sockets"`
}

// Argv is /proc/PID/cmdline.
type Argv struct {
	State string   `json:"state"`
	Words []string `json:"words,omitempty"`
}

// SocketList is what a process listens on.
type SocketList struct {
	State     string   `json:"state"`
	Listening []string `json:"listening,omitempty"`
}

// Exe is /proc/PID/exe.
type Exe struct {
	State  string `json:"state"`
	Link   string `json:"link,omitempty"`
	Device string `json:"device,omitempty"`
	Inode  uint64 `json:"inode,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Step is one rule that was asked.
type Step struct {
	Rule    string `json:"rule"`
	Applied bool   `json:"applied"`
	Why     string `json:"why"`
}

// JSON writes a report as one object; doubt is that of Text.
func JSON(w io.Writer, r matcher.Report, doubt error) error {
	out := Report{
		Schema: Schema, Verdict: r.Verdict.String(), Exit: exitcode.Of(r.Verdict),
		Rule: string(r.Rule), Reason: r.Reason, Next: say.Unfolded(advice(r, doubt)), Notes: say.OrEmpty(r.Notes),
		Daemon: daemonOf(r.Daemon), Pidfile: pidfileOf(r),
		Rules: []Step{}, Scanned: r.Scanned && r.Blind == "", Processes: []Process{},
	}
	if r.Main != nil {
		p := ProcessOf(r.Main)
		out.Process = &p
		if r.Wrapper != nil {
			w := ProcessOf(r.Wrapper)
			out.Wrapper = &w
		}
		for _, s := range asked(r).Decision.Steps {
			out.Rules = append(out.Rules, Step{string(s.Rule), s.Applied, s.Why})
		}
	}
	for _, p := range processes(r) {
		out.Processes = append(out.Processes, ProcessOf(p))
	}
	return say.JSON(w, out)
}

func daemonOf(d matcher.Daemon) Daemon {
	out := Daemon{Name: d.Name, Path: d.Path, Real: d.Real, State: d.File.State.String()}
	if d.File.Known() {
		out.Device, out.Inode = d.File.Value.Device(), d.File.Value.Ino
	}
	if d.Script != nil {
		out.Interpreter = d.Script.Path
	}
	return out
}

func pidfileOf(r matcher.Report) Pidfile {
	p := r.Pidfile
	out := Pidfile{Path: p.Path, State: p.State.String(), Why: p.Why, PID: p.PID, Rest: p.Rest, Lines: p.Lines}
	if p.ID.Known() {
		out.UID, out.GID, out.Mode = &p.Owner, &p.Group, mode(p.Mode)
		out.Links, out.Written = p.HardLinks, &p.Written
	}
	if r.Main != nil && r.Main.Evidence.Started != (time.Time{}) {
		ok, why := p.Vouches(r.Main.Evidence.UID, r.Main.Evidence.EUID)
		out.Trusted, out.Trust = &ok, why
	}
	return out
}

// ProcessOf is a process as it is printed.
func ProcessOf(p *matcher.Process) Process {
	e, d := &p.Evidence, &p.Decision
	out := Process{
		PID: e.PID, PPID: e.PPID, Role: string(p.Role), Instance: p.Instance,
		Rule: string(d.Rule), Reason: d.Why, Outcome: d.Outcome.String(), Weak: d.Weak, File: d.File.String(),
		Life: e.Life.String(), Pin: e.Pin, Comm: e.Comm, State: e.State,
		Group: e.Group, Session: e.Session, Argv: Argv{e.Argv.State.String(), e.Argv.Value},
		PIDNS: e.PIDNS.String(), Tree: e.Tree.String(),
		Exe: Exe{State: e.Exe.State.String(), Link: e.Exe.Value.Link},
	}
	if e.Tree.Another() {
		out.UserNS = e.UserNS.String()
	}
	if !e.Started.IsZero() {
		out.UID, out.EUID, out.Started = &e.UID, &e.EUID, &e.Started
	}
	if id := e.Exe.Value.ID; id.Known() {
		out.Exe.Device, out.Exe.Inode = id.Device(), id.Ino
	}
	if e.Exe.Err != nil {
		out.Exe.Error = e.Exe.Err.Error()
	}
	out.Sockets.State = p.Sockets.State.String()
	for _, s := range p.Sockets.Value {
		out.Sockets.Listening = append(out.Sockets.Listening, s.String())
	}
	return out
}

// processes are all that run the daemon, the main processes among them.
func processes(r matcher.Report) []*matcher.Process {
	return append(r.Mains(), r.Others...)
}
