package instances

import (
	"io"
	"time"

	"pidproof/cmd/pidproof/internal/explain"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/matcher"
)

// Schema counts incompatible changes of the object below, as
// explain.Schema does. docs/list-json.md describes every field; a test holds the two
// together.
const Schema = 1

// List is the object that list --json prints.
type List struct {
	Schema    int            `json:"schema"`
	Instances []jsonInstance `json:"instances"`
	Daemons   []jsonDaemon   `json:"daemons"`
	Unusable  int            `json:"unusable_registrations"`
	Unseen    []string       `json:"unseen"`
}

type jsonInstance struct {
	Name       string     `json:"name"`
	State      string     `json:"state"`
	Rule       string     `json:"rule"`
	Reason     string     `json:"reason"`
	Registered bool       `json:"registered"`
	Restart    []string   `json:"restart,omitempty"`
	Pidfile    string     `json:"pidfile"`
	Also       []string   `json:"also,omitempty"`
	Executable string     `json:"executable,omitempty"`
	PID        int        `json:"pid,omitempty"`
	Further    []int      `json:"further,omitempty"`
	UID        *int       `json:"uid,omitempty"`
	EUID       *int       `json:"euid,omitempty"`
	Started    *time.Time `json:"started,omitempty"`
	Binary     string     `json:"binary,omitempty"`
	Workers    *int       `json:"workers,omitempty"`
	Listening  []string   `json:"listening,omitempty"`
}

type jsonDaemon struct {
	Executable string          `json:"executable"`
	Unclaimed  []jsonUnclaimed `json:"unclaimed"`
	Blind      string          `json:"blind,omitempty"`
}

type jsonUnclaimed struct {
	PID      int                `json:"pid"`
	PPID     int                `json:"ppid"`
	Role     string             `json:"role"`
	Instance string             `json:"instance,omitempty"`
	Reason   string             `json:"reason"`
	Comm     string             `json:"comm,omitempty"`
	UID      *int               `json:"uid,omitempty"`
	EUID     *int               `json:"euid,omitempty"`
	Started  *time.Time         `json:"started,omitempty"`
	Binary   string             `json:"binary"`
	Sockets  explain.SocketList `json:"sockets"`
}

// JSON writes the list for a program.
func (list Listing) JSON(w io.Writer) error {
	out := List{
		Schema: Schema, Unusable: list.bad, Unseen: say.OrEmpty(list.Unseen),
		Instances: []jsonInstance{}, Daemons: []jsonDaemon{},
	}
	for _, i := range list.instances {
		out.Instances = append(out.Instances, i.json())
	}
	for _, d := range list.daemons {
		daemon := jsonDaemon{Executable: d.Daemon.Path, Unclaimed: []jsonUnclaimed{}, Blind: d.Blind}
		for _, p := range d.Processes {
			daemon.Unclaimed = append(daemon.Unclaimed, unclaimedJSON(p))
		}
		out.Daemons = append(out.Daemons, daemon)
	}
	return say.JSON(w, out)
}

func (i row) json() jsonInstance {
	out := jsonInstance{
		Name: i.name, State: i.state(), Rule: string(i.Rule), Reason: i.Reason,
		Pidfile: i.Pidfile.Path, Also: i.Also, Executable: i.Daemon.Path,
	}
	if i.registration != nil {
		out.Registered, out.Restart = true, i.registration.Restart
	}
	if i.Workers != nil {
		out.Workers = i.Workers
	}
	for _, s := range i.Sockets.Value {
		out.Listening = append(out.Listening, s.String())
	}
	if pids := i.PIDs(); len(pids) > 0 {
		out.PID, out.Further = pids[0], pids[1:]
	}
	if i.shown() {
		e := i.Main.Evidence
		out.UID, out.EUID, out.Started, out.Binary = &e.UID, &e.EUID, &e.Started, i.Main.Decision.File.String()
	}
	return out
}

func unclaimedJSON(p *matcher.Process) jsonUnclaimed {
	full := explain.ProcessOf(p)
	return jsonUnclaimed{
		PID: full.PID, PPID: full.PPID, Role: full.Role, Instance: full.Instance, Reason: full.Reason, Comm: full.Comm,
		UID: full.UID, EUID: full.EUID, Started: full.Started, Binary: full.File, Sockets: full.Sockets,
	}
}
