package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"pidproof/cmd/pidproof/internal/instances"
	"pidproof/testdata/need"
)

// The manual is written by hand, in pages: one on the whole, one for each group of
// commands, with their options, exit codes and messages together, one on the rules, and
// one on the files of registered instances. These hold them to the program: here their
// names and commands, in manpage*_test.go options, exit codes and messages.

// manual is one page.
type manual struct {
	path, section string
	names         []string // first its own, then those that it is found by, too
	lines         []string
}

const overview, rulesPage = "pidproof", "pidproof-rules"

// manuals are all of them; a page's names are the Nm lines of its NAME.
func manuals(t *testing.T) (pages []manual) {
	t.Helper()
	paths, err := filepath.Glob("../../docs/*.[1-9]")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	for _, path := range paths {
		m := manual{path: path, section: path[len(path)-1:], lines: strings.Split(readDoc(t, path), "\n")}
		for _, line := range m.part(t, ".Sh NAME", "") {
			if name, is := strings.CutPrefix(line, ".Nm "); is {
				m.names = append(m.names, strings.TrimSuffix(name, " ,"))
			}
		}
		pages = append(pages, m)
	}
	return pages
}

// pageNamed is the one that is found by a name.
func pageNamed(t *testing.T, name string) (found manual) {
	t.Helper()
	for _, m := range manuals(t) {
		if slices.Contains(m.names, name) {
			if found.path != "" {
				t.Errorf("%s and %s are both found by %s", found.path, m.path, name)
			}
			found = m
		}
	}
	if found.path == "" {
		t.Fatalf("no page is found by the name %s", name)
	}
	return found
}

// pageOf is a command's.
func pageOf(t *testing.T, command string) manual {
	t.Helper()
	return pageNamed(t, "pidproof-"+command)
}

// commandsOn are those that a page describes, in the order of the command line.
func commandsOn(t *testing.T, m manual) (names []string) {
	t.Helper()
	for _, cmd := range model(t).Leaves(false) {
		if slices.Contains(m.names, "pidproof-"+cmd.Name) {
			names = append(names, cmd.Name)
		}
	}
	return names
}

// part gives the lines of one section or, unless sub is "", of one of its subsections.
func (m manual) part(t *testing.T, section, sub string) (lines []string) {
	t.Helper()
	inSection, inSub := false, sub == ""
	for _, line := range m.lines {
		switch {
		case strings.HasPrefix(line, ".Sh "):
			inSection = line == section
		case sub != "" && strings.HasPrefix(line, ".Ss "):
			inSub = line == sub
		case inSection && inSub:
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		t.Fatalf("%s has no %s %s", m.path, section, sub)
	}
	return lines
}

func (m manual) has(section string) bool { return slices.Contains(m.lines, section) }

// heads are the subsections of a section.
func (m manual) heads(t *testing.T, section string) (names []string) {
	t.Helper()
	for _, line := range m.part(t, section, "") {
		if name, is := strings.CutPrefix(line, ".Ss "); is {
			names = append(names, name)
		}
	}
	return names
}

// describes is what a page says of one of its commands, and of all of them; of its only
// one it is the DESCRIPTION.
func (m manual) describes(t *testing.T, command string) []string {
	t.Helper()
	if !m.has(".Sh COMMANDS") {
		return m.part(t, ".Sh DESCRIPTION", "")
	}
	shared, _, _ := strings.Cut(strings.Join(m.part(t, ".Sh COMMANDS", ""), "\n"), "\n.Ss ")
	return append(strings.Split(shared, "\n"), m.part(t, ".Sh COMMANDS", ".Ss "+command)...)
}

func TestManualLint(t *testing.T) {
	need.Program(t, "mandoc")
	for _, m := range manuals(t) {
		out, _ := exec.Command("mandoc", "-T", "lint", "-W", "style", m.path).CombinedOutput()
		for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
			// Which other manuals are there is this machine's affair.
			if line != "" && !strings.Contains(line, "referenced manual not found") && !strings.Contains(line, "outdated mandoc.db") {
				t.Error(line)
			}
		}
	}
}

// A terminal has 80 columns.
func TestManualWidth(t *testing.T) {
	need.Program(t, "mandoc")
	for _, m := range manuals(t) {
		out, err := exec.Command("mandoc", "-T", "ascii", "-O", "width=78", m.path).Output()
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(regexp.MustCompile(".\b").ReplaceAll(out, nil)) { // overstruck
			if len(line) > 80+len("\n") {
				t.Errorf("%s has a line of %d columns:\n%s", m.path, len(line), line)
			}
		}
	}
}

// A page's file and title are its first name; it is found by its commands' names, too, and
// by no others. What it refers to of ours is there.
func TestManualNames(t *testing.T) {
	var commands []string
	for _, cmd := range model(t).Leaves(false) {
		pageOf(t, cmd.Name)
		commands = append(commands, "pidproof-"+cmd.Name)
	}
	var all []string
	for _, m := range manuals(t) {
		if want := m.names[0] + "." + m.section; filepath.Base(m.path) != want {
			t.Errorf("%s is called %s", m.path, want)
		}
		if title := ".Dt " + strings.ToUpper(m.names[0]) + " " + m.section; !m.has(title) {
			t.Errorf("%s lacks %q", m.path, title)
		}
		for _, name := range m.names[1:] {
			if !slices.Contains(commands, name) {
				t.Errorf("%s is found by %s, which is no command", m.path, name)
			}
		}
		for _, name := range m.names {
			all = append(all, name+" "+m.section)
		}
	}
	for _, m := range manuals(t) {
		for _, line := range m.lines {
			if i := strings.Index(line, "Xr pidproof"); i >= 0 {
				words := strings.Fields(line[i:])
				if to := strings.Join(words[1:min(3, len(words))], " "); !slices.Contains(all, to) {
					t.Errorf("%s refers to %q, which is no page", m.path, to)
				}
			}
		}
	}
}

var listedCommand = regexp.MustCompile(`\A\.It Cm (\S+)\n(.+)\z`)

// The overview lists every command in the words of --help, below its page; that describes
// them in the same order.
func TestManualCommands(t *testing.T) {
	under, got := "", map[string][]string{}
	lines := pageNamed(t, overview).part(t, ".Sh COMMANDS", "")
	for i, line := range lines {
		if at, is := strings.CutPrefix(line, ".It Xr "); is {
			under, _, _ = strings.Cut(at, " ")
		} else if listed := listedCommand.FindStringSubmatch(strings.Join(lines[i:min(i+2, len(lines))], "\n")); listed != nil {
			got[under] = append(got[under], listed[1]+": "+listed[2])
		}
	}
	helps := map[string]string{}
	for _, cmd := range model(t).Leaves(false) {
		helps[cmd.Name] = cmd.Help
	}
	for _, m := range manuals(t) {
		var want []string
		commands := commandsOn(t, m)
		for _, name := range commands {
			want = append(want, name+": "+helps[name])
		}
		if !slices.Equal(got[m.names[0]], want) {
			t.Errorf("%s lists below %s\n%q, want\n%q", overview, m.names[0], got[m.names[0]], want)
		}
		if len(commands) == 0 || !m.has(".Sh COMMANDS") && len(commands) == 1 {
			continue
		}
		if heads := m.heads(t, ".Sh COMMANDS"); !slices.Equal(heads, commands) {
			t.Errorf("%s describes %q, want %q", m.path, heads, commands)
		}
	}
}

func model(t *testing.T) *kong.Application {
	t.Helper()
	parser, _, err := commandLine(nil)
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model
}

// The manual's example for Debian's apache2 is the README's snippet, less the
// comments, which are too long for a manual.
func TestManualSnippet(t *testing.T) {
	_, rest, _ := strings.Cut(readDoc(t, readmePath), "<!-- snippet: init-script -->\n```sh\n")
	code, _, found := strings.Cut(rest, "```\n")
	if !found {
		t.Fatalf("%s has no snippet", readmePath)
	}
	code = regexp.MustCompile(`(?m)^\t| +#.*`).ReplaceAllString(code, "")
	examples := strings.Join(pageNamed(t, overview).part(t, ".Sh EXAMPLES", ""), "\n")
	if !strings.Contains(examples, ".Bd -literal -offset indent\n"+code+".Ed\n") {
		t.Errorf("the manual's EXAMPLES lack the README's snippet:\n%s", code)
	}
}

// joinItems makes one line of each list item and the text below it.
func joinItems(lines []string) (items []string) {
	for _, line := range lines {
		switch {
		case strings.HasPrefix(line, ".It "):
			items = append(items, line)
		case len(items) > 0 && !strings.HasPrefix(line, "."):
			items[len(items)-1] += " " + line
		}
	}
	return items
}

// The manual has every metric, in the order in which they are printed.
func TestManualMetrics(t *testing.T) {
	var got []string
	want := instances.MetricNames()
	for _, line := range pageOf(t, "list").part(t, ".Sh COMMANDS", ".Ss list") {
		if name, isMetric := strings.CutPrefix(line, ".It Li pidproof_"); isMetric {
			got = append(got, "pidproof_"+name)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the manual has the metrics\n%q\nthere are\n%q", got, want)
	}
}
