package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/cmd/pidproof/internal/say"
)

// wrapper is one of the programs that pidproof stands before, and the package that brings the real one.
type wrapper struct{ name, of string }

var all = []wrapper{
	{handover.StartStopDaemon, "dpkg"},
	{handover.InvokeRC, "init-system-helpers"},
	{handover.DebSystemdInvoke, "init-system-helpers"},
}

func wrappers(ctx context.Context, f *Finding) {
	if program("dpkg-divert") == "" {
		f.State = NotHere
		return
	}
	var well, lack []string
	for _, w := range all {
		diversions, err := handover.Diversions(w.name)
		if err != nil {
			f.failed(err)
			continue
		}
		path, divertedBy := w.place(diversions)
		switch what, err := contentOf(path); {
		case path == "": // no package of this host has it
		case err != nil:
			f.failed(err)
		case divertedBy != "" && !strings.HasPrefix(divertedBy, "pidproof"):
			f.add(ToDo, fmt.Sprintf("%s is diverted by %s", path, divertedBy), "see dpkg-divert --list, and whose that is")
		case divertedBy == "" && what == other:
			lack = append(lack, w.name)
		default:
			if w.broken(ctx, f, path, what, divertedBy != "") {
				continue
			}
			well = append(well, w.name)
		}
	}
	if len(lack) > 0 {
		var remedies []string
		for _, name := range lack {
			remedies = append(remedies, add(name))
		}
		f.add(ToDo, "not in place: "+names(lack), remedies...)
	}
	if packaged("pidproof-wrappers") && len(well) > 0 && !isProgram(share("divert")) {
		f.add(ToDo, share("divert")+" is missing, and nothing else takes the wrappers away again", getWrappers)
	}
	if len(well) > 0 {
		f.add(Well, names(well)+" in place")
	}
	if f.State == "" {
		f.State = NotHere
	}
}

// place is where the program is, and who has diverted it.
func (w wrapper) place(diversions []handover.Diversion) (path, by string) {
	if len(diversions) > 0 {
		if by = diversions[0].By; by == ":" {
			by = "an administrator" // LOCAL, dpkg-divert(1)
		}
		return diversions[0].From, by
	}
	for _, dir := range []string{"/sbin", "/usr/sbin", "/usr/bin"} {
		if _, err := os.Lstat(dir + "/" + w.name); err == nil {
			return dir + "/" + w.name, ""
		}
	}
	return "", ""
}

// broken says what is wrong with one that is in place, or half so.
func (w wrapper) broken(ctx context.Context, f *Finding, path string, what kind, diverted bool) bool {
	real, realErr := contentOf(path + ".real")
	switch {
	case what == other && diverted && aside(path):
		f.add(ToDo, path+" lies aside, as "+path+".REAL, as while a system is bootstrapped", say.Command("mv", path+".REAL", path))
	case what == other && diverted: // dpkg has moved its program, and taken the other one away
		f.add(ToDo, path+" is diverted, and not the wrapper: an update has overwritten it", add(w.name))
	case real == absent || real == ours || realErr == nil && !isProgram(path+".real"):
		f.add(ToDo, fmt.Sprintf("%s.real, the real program, is missing or no program", path), reinstall(ctx, w.of))
	case realErr != nil:
		f.failed(realErr)
	case what == absent:
		f.add(ToDo, path+" is missing", add(w.name))
	case !diverted:
		f.add(ToDo, path+" is the wrapper, and dpkg does not know: its next version would replace it", add(w.name))
	case w.outdated(path):
		f.add(ToDo, path+" is another version's wrapper", add(w.name))
	default:
		return false
	}
	return true
}

// aside reports that debootstrap(8) or the like has put another program in our wrapper's place, and has not moved it back.
func aside(path string) bool {
	what, err := contentOf(path + ".REAL")
	return err == nil && what == ours
}

func (w wrapper) outdated(path string) bool {
	wanted, err := beginning(share(w.name))
	content, err2 := beginning(path)
	return err == nil && err2 == nil && !bytes.Equal(wanted, content)
}

const getWrappers = "apt-get install --reinstall ./pidproof-wrappers_*_all.deb, where that file is"

// add puts a wrapper in place. Where what does that is missing, it is another package's.
func add(name string) string {
	if _, err := os.Stat(share("divert")); errors.Is(err, fs.ErrNotExist) {
		return getWrappers
	}
	return say.Command("sh", share("divert"), "add", name)
}

type kind int

const (
	absent kind = iota
	ours        // the wrapper
	other
)

// contentOf tells a wrapper from what it stands before, by the line that divert knows it by.
func contentOf(path string) (kind, error) {
	if path == "" {
		return absent, nil
	}
	content, err := beginning(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return absent, nil
	case err != nil:
		return other, err
	case bytes.Contains(content, []byte("\n# pidproof: stands before the program that dpkg installs as NAME.real\n")):
		return ours, nil
	}
	return other, nil
}
