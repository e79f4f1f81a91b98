package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/cmd/pidproof/internal/instances"
	"pidproof/cmd/pidproof/internal/ssd"
	"pidproof/testdata/need"
)

// The manual is written by hand, in pages: one on the whole, one for each group of
// commands, with their options, exit codes and messages together, one on the rules, and
// one on the files of registered instances. These hold them to the program.

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

func model(t *testing.T) *kong.Application {
	t.Helper()
	parser, _, err := commandLine(nil)
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model
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

var (
	exitItem = regexp.MustCompile(`^\.It (\d+)`)
	exitLine = regexp.MustCompile(`^\.It (.+) Ta (.*)$`)
	aNumber  = regexp.MustCompile(`\d+`)
)

// A page has the exit codes of each of its commands; the overview's table has the same.
func TestManualExitStatus(t *testing.T) {
	table := map[string][]string{}
	for _, line := range pageNamed(t, overview).part(t, ".Sh EXIT STATUS", "") {
		if row := exitLine.FindStringSubmatch(line); row != nil && !strings.HasPrefix(row[1], "Em ") {
			table[strings.ReplaceAll(row[1], ",", " and")] = aNumber.FindAllString(row[2], -1)
		}
	}
	for _, m := range manuals(t) {
		commands := commandsOn(t, m)
		if len(commands) == 0 {
			continue
		}
		heads := m.heads(t, ".Sh EXIT STATUS")
		if named := strings.Split(strings.Join(heads, " and "), " and "); len(heads) > 0 && !slices.Equal(named, commands) {
			t.Errorf("%s has the exit codes of %q, want %q", m.path, named, commands)
		}
		if len(heads) == 0 {
			heads = commands
		}
		for _, head := range heads {
			if got := exitCodesIn(t, m, head); len(got) == 0 || !slices.Equal(table[head], got) {
				t.Errorf("%s gives %s the codes %q, the overview %q", m.path, head, got, table[head])
			}
			delete(table, head)
		}
	}
	for head := range table {
		t.Errorf("the overview gives codes to %s, which no page does", head)
	}
}

// exitCodesIn are those that a page lists for one of its commands, or for those of a head.
func exitCodesIn(t *testing.T, m manual, command string) (codes []string) {
	t.Helper()
	sub := ""
	for _, head := range m.heads(t, ".Sh EXIT STATUS") {
		if head == command || slices.Contains(strings.Split(head, " and "), command) {
			sub = ".Ss " + head
		}
	}
	for _, line := range m.part(t, ".Sh EXIT STATUS", sub) {
		if code := exitItem.FindStringSubmatch(line); code != nil {
			codes = append(codes, code[1])
		}
	}
	return codes
}

// elsewhere are the codes that no script plays, and where they are.
var elsewhere = map[string][]string{
	// On hosts with an init system: testdata/lab/ondemand*_test.go.
	"quiesce": {"1", "150"}, handover.InvokeRC: {"1"}, handover.DebSystemdInvoke: {"1"},
}

// Each exit code on a command's page is one that a script requires of it, and each that a
// script requires is on its page, unless it is the daemon's or the real program's.
func TestManualExitCodesArePlayed(t *testing.T) {
	played := playedCodes(t)
	for _, cmd := range model(t).Leaves(false) {
		documented := exitCodesIn(t, pageOf(t, cmd.Name), cmd.Name)
		for _, code := range documented {
			if !played[cmd.Name][code] && !slices.Contains(elsewhere[cmd.Name], code) &&
				!(cmd.Name == "register" && code == "3") { // unregister's, in one list with it
				t.Errorf("%s may exit %s, says its page; no script requires it", cmd.Name, code)
			}
		}
		if slices.Contains([]string{handover.StartStopDaemon, handover.InvokeRC, handover.DebSystemdInvoke, "start_daemon"}, cmd.Name) {
			continue
		}
		for code := range played[cmd.Name] {
			if !slices.Contains(documented, code) {
				t.Errorf("a script requires %s of %s, whose page does not have it", code, cmd.Name)
			}
		}
	}
}

// playedCodes are the exit codes that testdata/script requires, by command.
func playedCodes(t *testing.T) map[string]map[string]bool {
	t.Helper()
	played := map[string]map[string]bool{}
	for _, cmd := range model(t).Leaves(false) {
		played[cmd.Name] = map[string]bool{}
	}
	note := func(words []string, code string) {
		if _, err := strconv.Atoi(code); err != nil { // ends INT
			return
		}
		for i, word := range words {
			name := filepath.Base(word)
			if name == "pidproof" {
				for _, word := range words[i+1:] {
					if _, is := played[word]; is {
						played[word][code] = true
						return
					}
				}
			}
			if name == handover.StartStopDaemon || name == "pidof" {
				played[name][code] = true
				return
			}
		}
	}
	scripts := 0
	err := filepath.WalkDir("testdata/script", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		scripts++
		begun := map[string][]string{}
		for line := range strings.Lines(readDoc(t, path)) {
			line = strings.NewReplacer("$SSD", handover.StartStopDaemon, "$OURS", handover.StartStopDaemon).Replace(line)
			switch words := strings.Fields(line); {
			case len(words) < 2:
			case words[0] == "answers": // asks both
				played["check"][words[1]], played["explain"][words[1]] = true, true
			case words[0] == "exits":
				note(words[2:], words[1])
			case words[0] == "refuses":
				note(words[1:], "4")
			case words[0] == "begin":
				begun[words[1]] = words[2:]
			case words[0] == "ends" && len(words) > 2:
				note(begun[words[2]], words[1])
			}
		}
		return nil
	})
	if err != nil || scripts == 0 {
		t.Fatalf("%d scripts: %v", scripts, err)
	}
	return played
}

// Where the rules are, whatever their files are called.
const rulesDir = "../../matcher/internal/rules"

func TestManualRules(t *testing.T) {
	var want, got []string
	for _, path := range goFiles(t, rulesDir) {
		ast.Inspect(parseGo(t, path), func(n ast.Node) bool {
			if spec, is := n.(*ast.ValueSpec); is {
				if typ, is := spec.Type.(*ast.Ident); is && typ.Name == "Rule" {
					want = append(want, literal(t, spec.Values[0]))
				}
			}
			return true
		})
	}
	for _, line := range pageNamed(t, rulesPage).part(t, ".Sh RULES", "") {
		if name, isItem := strings.CutPrefix(line, ".It Sy "); isItem {
			got = append(got, name)
		}
	}
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("the manual has the rules %v, %s has %v", got, rulesDir, want)
	}
}

// goFiles are those of a directory and all below it, tests aside.
func goFiles(t *testing.T, dir string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil || len(paths) == 0 {
		t.Fatalf("no sources in %s: %v", dir, err)
	}
	return paths
}

var (
	// What a message in DIAGNOSTICS leaves open.
	placeholder = regexp.MustCompile(`\b(?:D|F|M|N|T|X|NAME|why|what helps)\b|"`)
	verb        = regexp.MustCompile(`%(?:\[\d\])?\w|"`)
)

// Every page of commands has DIAGNOSTICS, every message in one is in the sources, and
// every reason for which a rule refuses a process is in those of the rules.
func TestManualMessages(t *testing.T) {
	sources := ""
	for _, dir := range []string{"../../matcher", "."} {
		for _, path := range goFiles(t, dir) {
			sources += readDoc(t, path)
		}
	}
	documented := map[string]string{}
	for _, m := range manuals(t) {
		for _, message := range messagesOf(t, m) {
			documented[m.names[0]] += " " + message
			for _, part := range fixedParts(placeholder, message) {
				if !strings.Contains(sources, part) {
					t.Errorf("%s has %q, but nothing prints %q", m.path, message, part)
				}
			}
		}
		if documented[m.names[0]] == "" {
			t.Errorf("%s has no messages", m.path)
		}
	}
	for _, reason := range refusals(t) {
		for _, part := range fixedParts(verb, reason) {
			if !strings.Contains(documented[rulesPage], part) {
				t.Errorf("%s lacks %q of the message %q", rulesPage, part, reason)
			}
		}
	}
}

// messagesOf are those in a page's DIAGNOSTICS, and what is quoted there as a part of one.
func messagesOf(t *testing.T, m manual) (messages []string) {
	t.Helper()
	for _, line := range m.part(t, ".Sh DIAGNOSTICS", "") {
		message := strings.TrimSuffix(strings.TrimPrefix(line, `.It Sy "`), `"`)
		if quoted, is := strings.CutPrefix(line, ".Dq "); is {
			message = strings.TrimRight(quoted, " ,.;")
		} else if message == line {
			continue
		}
		messages = append(messages, strings.TrimSpace(strings.ReplaceAll(message, `\(dq`, `"`)))
	}
	return messages
}

// fixedParts are the words of a message between what it leaves open.
func fixedParts(open *regexp.Regexp, message string) (parts []string) {
	for _, part := range open.Split(message, -1) {
		if part = strings.Trim(part, " ,;:()"); len(part) > 2 {
			parts = append(parts, part)
		}
	}
	return parts
}

// refusals are the formats of the rules' yes(outcome, file, format, …) where the outcome
// is another than Runs, of whatever takes (RuleX, outcome, format, …) and of doubt(format, …).
func refusals(t *testing.T) (formats []string) {
	t.Helper()
	found := map[string]int{}
	add := func(kind string, format ast.Expr) {
		formats = append(formats, literal(t, format))
		found[kind]++
	}
	for _, path := range goFiles(t, rulesDir) {
		ast.Inspect(parseGo(t, path), func(n ast.Node) bool {
			call, isCall := n.(*ast.CallExpr)
			if !isCall {
				return true
			}
			function, first := identifier(call.Fun), ""
			if len(call.Args) > 0 {
				first = identifier(call.Args[0])
			}
			switch {
			case strings.HasPrefix(first, "Rule") && len(call.Args) > 2:
				if identifier(call.Args[2]) == "" { // else it was passed on
					add("overruled", call.Args[2])
				}
			case function == "doubt":
				add("doubt", call.Args[0])
			case function == "yes" && first != "Runs":
				add("yes", call.Args[2])
			}
			return true
		})
	}
	if kinds := slices.Sorted(maps.Keys(found)); !slices.Equal(kinds, []string{"doubt", "overruled", "yes"}) {
		t.Fatalf("refusals were found by %q only", kinds)
	}
	return formats
}

// identifier is the name that an expression is, "" if it is more than a name.
func identifier(e ast.Expr) string {
	if name, is := e.(*ast.Ident); is {
		return name.Name
	}
	return ""
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

func parseGo(t *testing.T, path string) *ast.File {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, content, 0)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func literal(t *testing.T, e ast.Expr) string {
	t.Helper()
	lit, is := e.(*ast.BasicLit)
	if !is {
		t.Fatalf("not a literal: %v", e)
	}
	s, err := strconv.Unquote(lit.Value)
	if err != nil {
		t.Fatal(err)
	}
	return s
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
