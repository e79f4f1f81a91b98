package instances

import (
	"path/filepath"
	"slices"

	"pidproof/cmd/pidproof/internal/cwd"
	"pidproof/cmd/pidproof/internal/registry"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/matcher"
)

// Selection are words that mean daemons, by path or name, or instances by name. None
// means all.
type Selection []string

// selects reports that an instance of this name and daemon is meant.
func (s Selection) selects(name string, d matcher.Daemon) bool {
	return len(s) == 0 || slices.Contains(s, name) || s.daemon(d)
}

func (s Selection) daemon(d matcher.Daemon) bool {
	return d.Path != "" && slices.ContainsFunc(s, func(word string) bool {
		if filepath.Base(word) != word {
			word = filepath.Clean(cwd.Absolute(word))
			return word == d.Path || word == d.Real
		}
		return word == filepath.Base(d.Path) || word == filepath.Base(d.Real)
	})
}

// Select gives those of the registered that are meant. A word that means none is a
// mistake.
func Select(c *say.Console, wanted Selection, all []registry.Registration) (some []registry.Registration, mistakes int) {
	found := map[string]bool{}
	for _, r := range all {
		d, err := DaemonOf(r)
		if err != nil && len(wanted) > 0 {
			c.Warn("%s: cannot tell whether it is meant: %v", r.Name, err)
			mistakes++
		}
		if wanted.selects(r.Name, d) {
			some = append(some, r)
		}
		for _, word := range wanted {
			found[word] = found[word] || Selection{word}.selects(r.Name, d)
		}
	}
	for _, word := range wanted {
		if !found[word] {
			c.Warn("no instance is registered of that name or daemon: %s", word)
			mistakes++
		}
	}
	return some, mistakes
}
