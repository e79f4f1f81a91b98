package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/cmd/pidproof/internal/ssd"
)

// Each command's SYNOPSIS has its options in their short form, if they have one; the page
// has every form of every option, and none that its commands do not have. What every
// command takes stands in the overview, to which the page refers.
func TestManualOptions(t *testing.T) {
	model := model(t)
	common := optionsOf(model.Node.Flags, true)
	for _, option := range common {
		if !slices.Contains(optionsIn(pageNamed(t, overview).part(t, ".Sh OPTIONS", "")), option) {
			t.Errorf("the overview says nothing of %s", option)
		}
	}
	every, ofPage := slices.Clone(common), map[string][]string{}
	for _, cmd := range model.Leaves(false) {
		m := pageOf(t, cmd.Name)
		own := optionsOf(cmd.Flags, true)
		if cmd.Name == handover.StartStopDaemon {
			own = dpkgsOptions()
		}
		if got, want := optionsIn(synopsis(t, m, cmd.Name)), optionsOf(cmd.Flags, false); !slices.Equal(got, want) {
			t.Errorf("%s: SYNOPSIS gives %s the options %q, it has %q", m.path, cmd.Name, got, want)
		}
		text := m.describes(t, cmd.Name)
		items := optionsIn(slices.DeleteFunc(slices.Clone(text), func(line string) bool { return !strings.HasPrefix(line, ".It ") }))
		for _, option := range own {
			if !slices.Contains(items, option) {
				t.Errorf("%s does not describe %s %s", m.path, cmd.Name, option)
			}
		}
		for _, option := range optionsIn(text) {
			if !slices.Contains(append(own, common...), option) {
				t.Errorf("%s gives %s the option %s, which it does not have", m.path, cmd.Name, option)
			}
		}
		if !strings.Contains(strings.Join(m.lines, "\n"), "he options of every command, which\n.Xr pidproof 8\n") {
			t.Errorf("%s does not say where the options of every command stand", m.path)
		}
		ofPage[m.path] = append(append(ofPage[m.path], own...), common...)
		every = append(every, own...)
	}
	for _, m := range manuals(t) {
		mayHave, describesCommands := ofPage[m.path]
		if !describesCommands {
			mayHave = every
		}
		for _, option := range optionsIn(m.lines) {
			if !slices.Contains(mayHave, option) {
				t.Errorf("%s speaks of %s, which none of its commands has", m.path, option)
			}
		}
	}
}

// dpkgsOptions are those of start-stop-daemon that mean something to pidproof;
// the others only matter to the real program.
func dpkgsOptions() (options []string) {
	realOnly := []string{"background", "chuid", "group", "iosched", "make-pidfile", "nicelevel", "no-close",
		"notify-await", "notify-timeout", "output", "procsched", "startas", "umask"}
	for _, o := range ssd.KnownOptions() {
		if slices.Contains(realOnly, o.Long) {
			continue
		}
		options = append(options, "--"+o.Long)
		if o.Short != 0 {
			options = append(options, "-"+string(o.Short))
		}
	}
	return options
}

func synopsis(t *testing.T, m manual, command string) (lines []string) {
	t.Helper()
	inside := false
	for _, line := range m.part(t, ".Sh SYNOPSIS", "") {
		if line == ".Cm "+command {
			inside = true
		} else if strings.HasPrefix(line, ".Nm") {
			inside = false
		}
		if inside {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		t.Errorf("%s: %s is not in the SYNOPSIS", m.path, command)
	}
	return lines
}

// optionsOf gives -x and --long of each option, or only its shorter form.
func optionsOf(flags []*kong.Flag, both bool) (options []string) {
	for _, f := range flags {
		if f.Short != 0 {
			options = append(options, "-"+string(f.Short))
		}
		if f.Short == 0 || both {
			options = append(options, "--"+f.Name)
		}
	}
	slices.Sort(options)
	return options
}

// optionsIn finds the options that mdoc's macro Fl marks: .Fl qx is -q and -x.
func optionsIn(lines []string) (options []string) {
	for _, line := range lines {
		if !strings.HasPrefix(line, ".") {
			continue
		}
		marked := false
		for _, word := range strings.Fields(line[1:]) {
			switch long, isLong := strings.CutPrefix(word, "-"); {
			case word == "Fl":
				marked = true
			case !marked || strings.Trim(word, ",.;:|()=") == "":
			case len(word) == 2 && word[0] >= 'A' && word[0] <= 'Z': // another macro
				marked = false
			case isLong:
				options = append(options, "--"+long)
			default:
				for _, letter := range word {
					options = append(options, "-"+string(letter))
				}
			}
		}
	}
	slices.Sort(options)
	return slices.Compact(options)
}
