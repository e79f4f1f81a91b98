package census

import (
	"fmt"
	"slices"
	"strings"
)

// Stops tells whether a maintainer script has asked for a stop before its package's files are new, or gone.
func (s Seen) Stops() bool {
	return slices.ContainsFunc(s.Calls, func(c Call) bool {
		return c.Script != "postinst" && slices.Contains(strings.Fields(c.Command), "stop")
	})
}

// Between are the starts from the first maintainer script on until the new version's postinst begins, or, when the
// package is removed, until dpkg has ended.
func (s Seen) Between() (starts []Start) {
	for _, start := range s.Starts {
		if start.During != "dpkg" && start.During != "end" && (start.During != "postinst" || s.Operation == Remove) {
			starts = append(starts, start)
		}
	}
	return starts
}

// InSpite are those starts that a wrapper could have prevented: not while the scripts have only called systemctl itself,
// as acpid's prerm does (systemctl stop acpid.socket), which has no wrapper; and until a stop has ended, only what it had
// stopped: a client of tangd.socket gets an instance until that is closed.
func (s Seen) InSpite() []Start {
	return slices.DeleteFunc(s.Between(), func(start Start) bool {
		return !slices.ContainsFunc(s.Calls[:start.Calls], func(c Call) bool {
			return c.wrapped() && (start.Again || start.During != c.Script)
		})
	})
}

// Mixed is what ran while dpkg was held with half of the package's files new, or gone: the worst of what its services
// did, or "" if it has none that ran. One that has ended by then was started nevertheless.
func (s Seen) Mixed() string {
	if slices.ContainsFunc(s.Starts, func(start Start) bool { return start.During == "unpack" }) {
		return Started
	}
	for _, worst := range []string{Started, Old, Stopped} {
		for _, did := range s.Half {
			if did == worst {
				return worst
			}
		}
	}
	return ""
}

// Broken are the promises that an operation with the wrappers did not keep.
func (s Seen) Broken() (broken []string) {
	if s.Exit != 0 {
		broken = append(broken, fmt.Sprintf("dpkg's exit status is %d", s.Exit))
	}
	if s.Operation == Install {
		return broken
	}
	if s.Rounds == 0 && len(s.Triggers) > 0 {
		broken = append(broken, "nobody has knocked: this proves nothing")
	}
	if s.Stops() {
		for _, start := range s.InSpite() {
			broken = append(broken, fmt.Sprintf("%s was started in spite of stop (%s)", start.Unit, start.During))
		}
		if s.Mixed() == Started {
			broken = append(broken, "a service ran that had been started while half of the files were new, or gone")
		}
	}
	if s.Operation == Upgrade || s.Stops() { // polkitd's scripts leave it running, whoever removes it
		for _, difference := range s.Changed {
			broken = append(broken, "afterwards: "+difference)
		}
	}
	for _, unit := range s.Others {
		broken = append(broken, unit+" was stopped, or has failed")
	}
	return broken
}
