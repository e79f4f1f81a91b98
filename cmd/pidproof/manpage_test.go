package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"pidproof/cmd/pidproof/internal/ssd"
	"pidproof/testdata/need"
)

// The manual is written by hand; these hold it to the program.

func TestManPageLint(t *testing.T) {
	need.Program(t, "mandoc")
	out, _ := exec.Command("mandoc", "-T", "lint", "-W", "style", manPagePath).CombinedOutput()
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		// Which other manuals are there is this machine's affair.
		if line != "" && !strings.Contains(line, "referenced manual not found") && !strings.Contains(line, "outdated mandoc.db") {
			t.Error(line)
		}
	}
}

func TestManPageCommands(t *testing.T) {
	var want, got []string
	for _, cmd := range model(t).Leaves(false) {
		want = append(want, cmd.Name)
	}
	for _, line := range manPart(t, ".Sh COMMANDS", "") {
		if name, isHead := strings.CutPrefix(line, ".Ss "); isHead {
			got = append(got, name)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the manual describes the commands %v, there are %v", got, want)
	}
}

// Each command's SYNOPSIS has its options in their short form, if they have
// one; COMMANDS has every form of every option.
func TestManPageOptions(t *testing.T) {
	model := model(t)
	every := optionsOf(model.Node.Flags, true)
	shared, _, _ := strings.Cut(strings.Join(manPart(t, ".Sh COMMANDS", ""), "\n"), "\n.Ss ")
	for _, cmd := range model.Leaves(false) {
		own := optionsOf(cmd.Flags, true)
		if cmd.Name == ssdName {
			own = dpkgsOptions()
		}
		if got, want := optionsIn(synopsis(t, cmd.Name)), optionsOf(cmd.Flags, false); !slices.Equal(got, want) {
			t.Errorf("SYNOPSIS gives %s the options %q, it has %q", cmd.Name, got, want)
		}
		described := optionsIn(append(strings.Split(shared, "\n"), manPart(t, ".Sh COMMANDS", ".Ss "+cmd.Name)...))
		forms := append(optionsOf(model.Node.Flags, true), own...)
		for _, option := range forms {
			if !slices.Contains(described, option) {
				t.Errorf("COMMANDS says nothing of %s %s", cmd.Name, option)
			}
		}
		for _, option := range optionsIn(manPart(t, ".Sh COMMANDS", ".Ss "+cmd.Name)) {
			if !slices.Contains(forms, option) {
				t.Errorf("COMMANDS gives %s the option %s, which it does not have", cmd.Name, option)
			}
		}
		every = append(every, forms...)
	}
	for _, option := range optionsIn(strings.Split(readDoc(t, manPagePath), "\n")) {
		if !slices.Contains(every, option) {
			t.Errorf("the manual speaks of %s, which no command has", option)
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

func synopsis(t *testing.T, command string) (lines []string) {
	t.Helper()
	inside := false
	for _, line := range manPart(t, ".Sh SYNOPSIS", "") {
		if line == ".Cm "+command {
			inside = true
		} else if strings.HasPrefix(line, ".Nm") {
			inside = false
		}
		if inside {
			lines = append(lines, line)
		}
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

func TestManPageRules(t *testing.T) {
	var want, got []string
	ast.Inspect(parseGo(t, "../../matcher/internal/rules/decision.go"), func(n ast.Node) bool {
		if spec, is := n.(*ast.ValueSpec); is {
			if typ, is := spec.Type.(*ast.Ident); is && typ.Name == "Rule" {
				want = append(want, literal(t, spec.Values[0]))
			}
		}
		return true
	})
	for _, line := range manPart(t, ".Sh RULES", "") {
		if name, isItem := strings.CutPrefix(line, ".It Sy "); isItem {
			got = append(got, name)
		}
	}
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("the manual has the rules %v, decision.go has %v", got, want)
	}
}

var (
	// What a message in DIAGNOSTICS leaves open.
	placeholder = regexp.MustCompile(`\b(?:D|F|M|N|T|X|NAME|why|what helps)\b|"`)
	verb        = regexp.MustCompile(`%\w|"`)
)

// Every message in DIAGNOSTICS is in the sources, and every reason for which
// decide.go refuses a process is in DIAGNOSTICS.
func TestManPageMessages(t *testing.T) {
	sources := ""
	for _, pattern := range []string{"../../matcher/*.go", "../../matcher/internal/*/*.go", "*.go", "internal/*/*.go"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if !strings.HasSuffix(path, "_test.go") {
				sources += readDoc(t, path)
			}
		}
	}
	documented := ""
	for _, line := range manPart(t, ".Sh DIAGNOSTICS", "") {
		message := strings.TrimSuffix(strings.TrimPrefix(line, `.It Sy "`), `"`)
		if quoted, is := strings.CutPrefix(line, ".Dq "); is {
			message = strings.TrimRight(quoted, " ,.;")
		} else if message == line {
			continue
		}
		message = strings.ReplaceAll(message, `\(dq`, `"`)
		documented += " " + strings.TrimSpace(message)
		for _, part := range fixedParts(placeholder, message) {
			if !strings.Contains(sources, part) {
				t.Errorf("DIAGNOSTICS has %q, but nothing prints %q", message, part)
			}
		}
	}
	for _, reason := range refusals(t) {
		for _, part := range fixedParts(verb, reason) {
			if !strings.Contains(documented, part) {
				t.Errorf("DIAGNOSTICS lacks %q of the message %q", part, reason)
			}
		}
	}
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
// is another than Runs, of overruled(rule, outcome, format, …) and of doubt(format, …).
func refusals(t *testing.T) (formats []string) {
	t.Helper()
	for _, file := range []string{"decide.go", "criteria.go", "script.go", "ownership.go", "lateness.go"} {
		before := len(formats)
		ast.Inspect(parseGo(t, "../../matcher/internal/rules/"+file), func(n ast.Node) bool {
			call, isCall := n.(*ast.CallExpr)
			if !isCall {
				return true
			}
			outcome, isYes := call.Fun.(*ast.Ident)
			method, isMethod := call.Fun.(*ast.SelectorExpr)
			switch {
			case isMethod && method.Sel.Name == "overruled":
				if _, passedOn := call.Args[2].(*ast.Ident); !passedOn {
					formats = append(formats, literal(t, call.Args[2]))
				}
			case isYes && outcome.Name == "doubt":
				formats = append(formats, literal(t, call.Args[0]))
			case isYes && outcome.Name == "yes":
				if of, is := call.Args[0].(*ast.Ident); !is || of.Name != "Runs" {
					formats = append(formats, literal(t, call.Args[2]))
				}
			}
			return true
		})
		if len(formats) == before {
			t.Fatalf("no refusals were found in %s", file)
		}
	}
	return formats
}

// The manual's example for Debian's apache2 is the README's snippet, less the
// comments, which are too long for a manual.
func TestManPageSnippet(t *testing.T) {
	_, rest, _ := strings.Cut(readDoc(t, readmePath), "<!-- snippet: init-script -->\n```sh\n")
	code, _, found := strings.Cut(rest, "```\n")
	if !found {
		t.Fatalf("%s has no snippet", readmePath)
	}
	code = regexp.MustCompile(`(?m)^\t| +#.*`).ReplaceAllString(code, "")
	if !strings.Contains(readDoc(t, manPagePath), ".Bd -literal -offset indent\n"+code+".Ed\n") {
		t.Errorf("the manual's EXAMPLES lack the README's snippet:\n%s", code)
	}
}

// manPart gives the lines of one section of the manual or, unless sub is "", of
// one of its subsections.
func manPart(t *testing.T, section, sub string) (lines []string) {
	t.Helper()
	inSection, inSub := false, sub == ""
	for _, line := range strings.Split(readDoc(t, manPagePath), "\n") {
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
		t.Fatalf("%s has no %s %s", manPagePath, section, sub)
	}
	return lines
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
func TestManPageMetrics(t *testing.T) {
	var want, got []string
	for _, g := range append(listing{}.instanceGauges(), listing{}.hostGauges()...) {
		want = append(want, g.name)
	}
	for _, line := range manPart(t, ".Sh COMMANDS", ".Ss list") {
		if name, isMetric := strings.CutPrefix(line, ".It Li pidproof_"); isMetric {
			got = append(got, "pidproof_"+name)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the manual has the metrics\n%q\nthere are\n%q", got, want)
	}
}
