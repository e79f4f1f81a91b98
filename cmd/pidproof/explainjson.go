package main

import (
	"io"
	"time"

	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/matcher"
)

// schemaVersion counts incompatible changes of the object below. Fields may be
// added without one. docs/explain-json.md describes every field; a test holds
// the two together.
const schemaVersion = 1

type jsonReport struct {
	Schema    int           `json:"schema"`
	Verdict   string        `json:"verdict"`
	Exit      int           `json:"exit"`
	Rule      string        `json:"rule"`
	Reason    string        `json:"reason"`
	Next      string        `json:"next"`
	Notes     []string      `json:"notes"`
	Daemon    jsonDaemon    `json:"daemon"`
	Pidfile   jsonPidfile   `json:"pidfile"`
	Process   *jsonProcess  `json:"process"`
	Rules     []jsonStep    `json:"rules"`
	Scanned   bool          `json:"scanned"`
	Processes []jsonProcess `json:"processes"`
}

type jsonDaemon struct {
	Name        string `json:"name"`
	Path        string `json:"path"`
	Real        string `json:"real"`
	State       string `json:"state"`
	Device      string `json:"device,omitempty"`
	Inode       uint64 `json:"inode,omitempty"`
	Interpreter string `json:"interpreter,omitempty"`
}

type jsonPidfile struct {
	Path    string     `json:"path"`
	State   string     `json:"state"`
	Why     string     `json:"why,omitempty"`
	PID     int        `json:"pid,omitempty"`
	Rest    []int      `json:"rest,omitempty"`
	UID     *int       `json:"uid,omitempty"`
	GID     *int       `json:"gid,omitempty"`
	Mode    string     `json:"mode,omitempty"`
	Links   uint64     `json:"links,omitempty"`
	Written *time.Time `json:"written,omitempty"`
	Trusted *bool      `json:"trusted,omitempty"`
	Trust   string     `json:"trust,omitempty"`
}

type jsonProcess struct {
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
	Exe      jsonExe    `json:"exe"`
	Argv     jsonArgv   `json:"argv"`
	PIDNS    string     `json:"pid_namespace"`
	Tree     string     `json:"mount_tree"`
	UserNS   string     `json:"user_namespace,omitempty"`
	Sockets  jsonSocket `json:"sockets"`
}

type jsonArgv struct {
	State string   `json:"state"`
	Words []string `json:"words,omitempty"`
}

type jsonSocket struct {
	State     string   `json:"state"`
	Listening []string `json:"listening,omitempty"`
}

type jsonExe struct {
	State  string `json:"state"`
	Link   string `json:"link,omitempty"`
	Device string `json:"device,omitempty"`
	Inode  uint64 `json:"inode,omitempty"`
	Error  string `json:"error,omitempty"`
}

type jsonStep struct {
	Rule    string `json:"rule"`
	Applied bool   `json:"applied"`
	Why     string `json:"why"`
}

func writeJSON(w io.Writer, r matcher.Report) error {
	out := jsonReport{
		Schema: schemaVersion, Verdict: r.Verdict.String(), Exit: exitcode.Of(r.Verdict),
		Rule: string(r.Rule), Reason: r.Reason, Next: advice(r), Notes: say.OrEmpty(r.Notes),
		Daemon: viewDaemon(r.Daemon), Pidfile: viewPidfile(r),
		Rules: []jsonStep{}, Scanned: r.Scanned, Processes: []jsonProcess{},
	}
	if r.Main != nil {
		p := viewProcess(*r.Main)
		out.Process = &p
		for _, s := range r.Main.Decision.Steps {
			out.Rules = append(out.Rules, jsonStep{string(s.Rule), s.Applied, s.Why})
		}
	}
	for _, p := range processes(r) {
		out.Processes = append(out.Processes, viewProcess(p))
	}
	return say.JSON(w, out)
}

func viewDaemon(d matcher.Daemon) jsonDaemon {
	out := jsonDaemon{Name: d.Name, Path: d.Path, Real: d.Real, State: d.File.State.String()}
	if d.File.State == matcher.Known {
		out.Device, out.Inode = d.File.Value.Device(), d.File.Value.Ino
	}
	if d.Script != nil {
		out.Interpreter = d.Script.Path
	}
	return out
}

func viewPidfile(r matcher.Report) jsonPidfile {
	p := r.Pidfile
	out := jsonPidfile{Path: p.Path, State: p.State.String(), Why: p.Why, PID: p.PID, Rest: p.Rest}
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

func viewProcess(p matcher.Process) jsonProcess {
	e, d := p.Evidence, p.Decision
	out := jsonProcess{
		PID: e.PID, PPID: e.PPID, Role: string(p.Role), Instance: p.Instance,
		Rule: string(d.Rule), Reason: d.Why, Outcome: d.Outcome.String(), Weak: d.Weak, File: d.File.String(),
		Life: e.Life.String(), Pin: e.Pin, Comm: e.Comm, State: e.State,
		Group: e.Group, Session: e.Session, Argv: jsonArgv{e.Argv.State.String(), e.Argv.Value},
		PIDNS: e.PIDNS.String(), Tree: e.Tree.String(),
		Exe: jsonExe{State: e.Exe.State.String(), Link: e.Exe.Value.Link},
	}
	if e.Tree == matcher.OtherPlace {
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

// processes are all that run the daemon, the main process among them.
func processes(r matcher.Report) []matcher.Process {
	var out []matcher.Process
	if r.Main != nil && r.Main.Role == matcher.RoleMain {
		out = append(out, *r.Main)
	}
	return append(out, r.Others...)
}
