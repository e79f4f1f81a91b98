package instances

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"pidproof/cmd/pidproof/internal/ask"
	"pidproof/cmd/pidproof/internal/registry"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/cmd/pidproof/internal/starters"
	"pidproof/matcher"
)

// Listing is what is listed, in whatever form.
type Listing struct {
	instances []row
	daemons   []matcher.Unaccounted
	// Unseen is what could not be seen, a sentence each.
	Unseen []string
	// Nothing are the words that nothing was found for.
	Nothing []string
	bad     int // registrations that could not be used
	// problems: all else was left out.
	problems bool
}

// row is one instance; registration is nil if it is not registered.
type row struct {
	matcher.Listed
	name         string // by which it is registered, or of what starts it, or as its pidfile is called
	registration *registry.Registration
}

// isSelected reports that it is meant, by its name or that of its pidfile.
func (i row) isSelected(by Selection) bool {
	return by.selects(i.name, i.Daemon) || i.registration == nil && by.selects(nameByPidfile(i.Pidfile.Path), i.Daemon)
}

// Collect looks at every instance, or at those that are wanted; for problems also for what
// has lost its pidfile.
func Collect(c *say.Console, a *ask.Asker, wanted Selection, sockets, problems bool) (Listing, error) {
	registered, bad := Registrations(c)
	list := Listing{bad: bad}
	started := starters.Read()
	search := matcher.Search{Sockets: sockets, Further: started.Pidfiles()}
	for _, r := range registered {
		search.Known = append(search.Known, matcher.Instance{Daemon: r.Daemon, Pidfile: r.Pidfile})
	}
	rowOf := func(l matcher.Listed) row {
		if l.Known < 0 {
			return row{l, cmp.Or(started.NameOf(l.Pidfile.Path), nameByPidfile(l.Pidfile.Path)), nil}
		}
		return row{l, registered[l.Known].Name, &registered[l.Known]}
	}
	search.Keep = func(l matcher.Listed) bool { return rowOf(l).isSelected(wanted) }
	for _, word := range wanted {
		isName := slices.ContainsFunc(registered, func(r registry.Registration) bool { return r.Name == word })
		if _, err := matcher.FindDaemon(word); err == nil && !isName {
			search.Daemons = append(search.Daemons, word)
		}
	}
	inventory, err := a.Inventory(search)
	if err != nil {
		return list, err
	}
	for _, l := range inventory.Instances {
		list.instances = append(list.instances, rowOf(l))
	}
	sort.SliceStable(list.instances, func(i, j int) bool { return list.instances[i].name < list.instances[j].name })
	list.daemons = inventory.Daemons
	if problems {
		if err := list.addLost(a, started, wanted); err != nil {
			return list, err
		}
	}
	list.Unseen = unseen(list.instances, inventory)
	for _, word := range wanted {
		if !list.has(word) {
			list.Nothing = append(list.Nothing, word)
		}
	}
	for _, word := range list.Nothing {
		list.Unseen = append(list.Unseen, fmt.Sprintf("%s is no daemon that runs, nor the name of an instance", word))
	}
	return list, nil
}

// has reports that something was found for a word of the selection.
func (list Listing) has(word string) bool {
	one := Selection{word}
	return slices.ContainsFunc(list.instances, func(i row) bool { return i.isSelected(one) }) ||
		slices.ContainsFunc(list.daemons, func(s matcher.Unaccounted) bool { return one.daemon(s.Daemon) && len(s.Processes) > 0 })
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
func (i row) state() string {
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
func unseen(instances []row, inventory matcher.Inventory) (sentences []string) {
	hidden, doubtful := 0, 0
	for _, i := range instances {
		switch {
		case i.Unseen():
			hidden++
		case i.PidfileVerdict == matcher.Unknown:
			if doubtful++; doubtful <= doubtsShown { // any user can write pidfiles below /run/lock
				sentences = append(sentences, fmt.Sprintf("%s: cannot tell: %s", i.name, i.Reason))
			}
		case i.registration != nil && i.Daemon.File.Absent():
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
