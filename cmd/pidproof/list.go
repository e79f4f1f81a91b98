package main

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"pidproof/cmd/pidproof/internal/registry"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/cmd/pidproof/internal/wholefile"
	"pidproof/matcher"
)

type listCmd struct {
	JSON       bool     `name:"json" help:"Print one JSON object; list-json.md in the documentation describes it."`
	Prometheus bool     `help:"Print metrics in Prometheus' text format, for node_exporter's textfile collector."`
	Output     *string  `placeholder:"FILE" help:"Write FILE instead, whole or not at all."`
	Daemons    []string `arg:"" optional:"" name:"daemon" help:"Only these: daemons, or names of instances."`
}

func (listCmd) Help() string {
	return `Shows the instances that trusted pidfiles under /run and the registrations name, and what runs the same daemons without a pidfile. Exit status: 0 listed, 4 there is no answer.`
}

func (cmd listCmd) Validate() error {
	switch {
	case cmd.JSON && cmd.Prometheus:
		return errors.New("--json and --prometheus exclude each other")
	case cmd.Output != nil && *cmd.Output == "":
		return errors.New("the file given with --output is empty")
	}
	return nil
}

// listing is what is listed, in whatever form.
type listing struct {
	instances []instanceRow
	daemons   []matcher.Strays
	unseen    []string // what could not be seen, a sentence each
	bad       int      // registrations that could not be used
}

// instanceRow is one instance; registration is nil if it is not registered.
type instanceRow struct {
	matcher.Listed
	name         string
	registration *registry.Registration
}

func (cmd listCmd) touches() []string {
	if cmd.Output != nil {
		return append([]string{*cmd.Output}, cmd.Daemons...)
	}
	return cmd.Daemons
}

func (cmd listCmd) Run(c *console) error {
	if err := c.NoAnswer(); err != nil {
		return err
	}
	list, err := cmd.list(c)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	switch {
	case cmd.JSON:
		err = list.writeJSON(&out)
	case cmd.Prometheus:
		list.writeMetrics(&out)
	default:
		list.writeText(&out, c.LineWidth())
	}
	if err != nil {
		return err
	}
	if !cmd.JSON {
		for _, sentence := range list.unseen {
			c.Warn("%s", sentence)
		}
	}
	if cmd.Output != nil {
		return wholefile.Write(*cmd.Output, out.Bytes(), 0o644)
	}
	c.Print(out.String())
	return nil
}

func (cmd listCmd) list(c *console) (listing, error) {
	registered, bad := c.registrations()
	list := listing{bad: bad}
	search := matcher.Search{Sockets: !cmd.Prometheus}
	for _, r := range registered {
		search.Known = append(search.Known, matcher.Instance{Daemon: r.Daemon, Pidfile: r.Pidfile})
	}
	row := func(l matcher.Listed) instanceRow {
		if l.Known < 0 {
			return instanceRow{l, nameByPidfile(l.Pidfile.Path), nil}
		}
		return instanceRow{l, registered[l.Known].Name, &registered[l.Known]}
	}
	wanted := selection(cmd.Daemons)
	search.Keep = func(l matcher.Listed) bool { return wanted.selects(row(l).name, l.Daemon) }
	for _, word := range wanted {
		isName := slices.ContainsFunc(registered, func(r registry.Registration) bool { return r.Name == word })
		if _, err := matcher.FindDaemon(word); err == nil && !isName {
			search.Daemons = append(search.Daemons, word)
		}
	}
	inventory, err := c.Inventory(search)
	if err != nil {
		return list, err
	}
	for _, l := range inventory.Instances {
		list.instances = append(list.instances, row(l))
	}
	slices.SortStableFunc(list.instances, func(a, b instanceRow) int { return strings.Compare(a.name, b.name) })
	list.daemons = inventory.Daemons
	list.unseen = unseen(list.instances, inventory)
	for _, word := range wanted {
		if !list.has(word) {
			list.unseen = append(list.unseen, fmt.Sprintf("%s is no daemon that runs, nor the name of an instance", word))
		}
	}
	return list, nil
}

// has reports that something was found for a word of the selection.
func (list listing) has(word string) bool {
	one := selection{word}
	return slices.ContainsFunc(list.instances, func(i instanceRow) bool { return one.selects(i.name, i.Daemon) }) ||
		slices.ContainsFunc(list.daemons, func(s matcher.Strays) bool { return one.daemon(s.Daemon) && len(s.Processes) > 0 })
}

// nameByPidfile calls an instance after its pidfile, or after the directory where that
// says more: /run/apache2-foo/apache2.pid, /run/dovecot/master.pid, /run/dbus/pid.
func nameByPidfile(path string) string {
	base := filepath.Base(path)
	name := strings.TrimSuffix(strings.TrimSuffix(base, filepath.Ext(base)), "-pid")
	dir := filepath.Base(filepath.Dir(path))
	anybodys := []string{"pid", "master", "main", "daemon", "server", "process", ""}
	if slices.Contains(anybodys, name) || strings.HasPrefix(dir, name) {
		return dir
	}
	return name
}

// state is one word for what the pidfile and its process say.
func (i instanceRow) state() string {
	switch i.PidfileVerdict {
	case matcher.Running:
		return "running"
	case matcher.Dead:
		return "stale"
	case matcher.NotRunning:
		return "absent"
	}
	return "unknown"
}

// doubtsShown is of how many instances the list says why they are unknown.
const doubtsShown = 8

// unseen says what more there may be, and what could not be told.
func unseen(instances []instanceRow, inventory matcher.Inventory) (sentences []string) {
	hidden, doubtful := 0, 0
	for _, i := range instances {
		switch {
		case i.Unseen():
			hidden++
		case i.PidfileVerdict == matcher.Unknown:
			if doubtful++; doubtful <= doubtsShown { // any user can write pidfiles below /run/lock
				sentences = append(sentences, fmt.Sprintf("%s: cannot tell: %s", i.name, i.Reason))
			}
		case i.registration != nil && i.Daemon.File.State == matcher.Absent:
			sentences = append(sentences, fmt.Sprintf("%s: its daemon %s does not exist; correct %s, or unregister it", i.name, i.Daemon.Path, i.registration.File))
		}
	}
	if doubtful > doubtsShown {
		sentences = append(sentences, fmt.Sprintf("... and %d more that are unknown", doubtful-doubtsShown))
	}
	if hidden > 0 {
		sentences = append(sentences, fmt.Sprintf("what runs under %s could not be seen; ask as root", say.Count(hidden, "pidfile")))
	}
	if inventory.Missed > 0 {
		sentences = append(sentences, fmt.Sprintf("registered pidfiles, and files or directories under /run, that could not be read, or hold too much: %d", inventory.Missed))
	}
	blind := map[string]bool{}
	for _, d := range inventory.Daemons {
		if d.Blind != "" && !blind[d.Blind] {
			blind[d.Blind] = true
			sentences = append(sentences, d.Blind)
		}
	}
	return sentences
}
