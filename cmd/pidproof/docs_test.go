package main

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pidproof/cmd/pidproof/internal/audit"
	"pidproof/cmd/pidproof/internal/doctor"
	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/explain"
	"pidproof/cmd/pidproof/internal/instances"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/cmd/pidproof/internal/triggers"
	"pidproof/testdata/need"
)

// What README.md and docs/ say is held to what the program does. manpage*_test.go
// do the same for the manual.

const readmePath = "../../README.md"

var update = flag.Bool("update", false, "write the README's generated block anew")

// exitRow is one line of an exit table as a person reads it.
type exitRow struct{ code, verdict, meaning string }

func TestExitTables(t *testing.T) {
	var want []exitRow
	for _, row := range exitcode.Table {
		want = append(want, exitRow{strconv.Itoa(row.Code), row.Verdict.String(), row.Meaning})
	}
	_, readme, _ := strings.Cut(readDoc(t, readmePath), "\n| Code | Verdict | Meaning |\n|---|---|---|\n")
	manual := pageOf(t, "check")
	for name, got := range map[string][]exitRow{
		readmePath: rowsOf(strings.Split(readme, "\n"), regexp.MustCompile(`^\| (\d+) \| (\S+) \| (.*) \|$`)),
		manual.path: rowsOf(joinItems(manual.part(t, ".Sh EXIT STATUS", ".Ss check and explain")),
			regexp.MustCompile(`^\.It (\d+) (\S+) (.*)$`)),
	} {
		if !slices.Equal(got, want) {
			t.Errorf("%s has the exit table\n%q\nexitcode.go has\n%q", name, got, want)
		}
	}
}

// rowsOf reads lines up to the first of another form.
func rowsOf(lines []string, form *regexp.Regexp) (rows []exitRow) {
	for _, line := range lines {
		m := form.FindStringSubmatch(line)
		if m == nil {
			break
		}
		rows = append(rows, exitRow{m[1], m[2], m[3]})
	}
	return rows
}

var readmeCommand = regexp.MustCompile("(?m)^\\| `pidproof ([^`]+)` \\|")

// The README's table has every command once, as it is called: what stands outside brackets is
// enough, and nothing of it may be left out.
func TestReadmeCommands(t *testing.T) {
	var want, got []string
	for _, cmd := range model(t).Leaves(false) {
		want = append(want, cmd.Name)
	}
	for _, row := range readmeCommand.FindAllStringSubmatch(readDoc(t, readmePath), -1) {
		words := strings.Fields(strings.NewReplacer("started\\|stopped", "started", "PIDFILE", "/run/x.pid", "...", "").Replace(
			regexp.MustCompile(`\[[^]]*\]`).ReplaceAllString(row[1], "")))
		got = append(got, words[0])
		if err := accepted(words); err != nil {
			t.Errorf("pidproof %s: %v", row[1], err)
		}
		for i, word := range words {
			if strings.HasPrefix(word, "-") {
				until := i + 1
				if until < len(words) && strings.HasPrefix(words[until], "/") { // its value
					until++
				}
				if accepted(slices.Delete(slices.Clone(words), i, until)) == nil && words[0] != "restart" { // which asks for --replaced when it runs
					t.Errorf("pidproof %s: %s may be left out, and has no brackets", row[1], word)
				}
			}
		}
		for _, option := range regexp.MustCompile(`(?:^|[\[ |])(--?[a-z-]+)`).FindAllStringSubmatch(row[1], -1) {
			if !slices.Contains(optionsOfCommand(t, words[0]), option[1]) {
				t.Errorf("pidproof %s: there is no %s", row[1], option[1])
			}
		}
	}
	slices.Sort(want)
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("the README has the commands %q, there are %q", got, want)
	}
}

func TestReadmeFirstUse(t *testing.T) {
	_, rest, _ := strings.Cut(readDoc(t, readmePath), "<!-- snippet: first-use -->\n```sh\n")
	code, _, found := strings.Cut(rest, "```\n")
	if !found {
		t.Fatalf("%s has no first use", readmePath)
	}
	for line := range strings.Lines(code) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != "pidproof" {
			t.Errorf("%q is no call of pidproof", line)
		} else if err := accepted(words[1:]); err != nil {
			t.Errorf("%q: %v", line, err)
		}
	}
}

// accepted is the error of a usage error.
func accepted(args []string) error {
	parser, _, err := commandLine(args)
	if err == nil {
		_, err = parser.Parse(args)
	}
	return err
}

func optionsOfCommand(t *testing.T, name string) []string {
	t.Helper()
	for _, cmd := range model(t).Leaves(false) {
		if cmd.Name == name {
			return optionsOf(cmd.Flags, true)
		}
	}
	return nil
}

var link = regexp.MustCompile(`\]\(([^):]*)\)`)

// What the README and the pages beside the manual link to is there, headings as well.
func TestLinks(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	for _, page := range append(pages, readmePath, "../../NEWS.md") {
		for _, m := range link.FindAllStringSubmatch(readDoc(t, page), -1) {
			file, heading, _ := strings.Cut(m[1], "#")
			target := page
			if file != "" {
				target = filepath.Join(filepath.Dir(page), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			} else if heading != "" && !slices.Contains(anchors(readDoc(t, target)), heading) {
				t.Errorf("%s links to %s, and %s has no such heading", page, m[1], target)
			}
		}
	}
}

// anchors are the names by which a page's headings are linked to.
func anchors(text string) (names []string) {
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		name := regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(m[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

// schemas are the objects that are promised to programs.
var schemas = []struct {
	path, command string
	version       int
	object        any
}{
	{"../../docs/explain-json.md", "explain --json", explain.Schema, explain.Report{}},
	{"../../docs/list-json.md", "list --json", instances.Schema, instances.List{}},
	{"../../docs/audit-json.md", "audit --json", audit.Schema, audit.Object{}},
	{"../../docs/doctor-json.md", "doctor --json", doctor.Schema, doctor.Object{}},
	{"../../docs/triggers-json.md", "triggers --json", triggers.Schema, triggers.Object{}},
}

var schemaRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")

func TestSchemaFields(t *testing.T) {
	for _, schema := range schemas {
		var got []string
		for _, m := range schemaRow.FindAllStringSubmatch(readDoc(t, schema.path), -1) {
			got = append(got, m[1])
		}
		want := fieldPaths(reflect.TypeOf(schema.object), "")
		for _, path := range want {
			if !slices.Contains(got, path) {
				t.Errorf("%s says nothing of %s", schema.path, path)
			}
		}
		for _, path := range got {
			if !slices.Contains(want, path) {
				t.Errorf("%s describes %s, which %s never prints", schema.path, path, schema.command)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s has %d rows for %d fields", schema.path, len(got), len(want))
		}
	}
}

// fieldPaths gives the path of every field below a type. A process is described
// once, as an element of processes.
func fieldPaths(typ reflect.Type, prefix string) (paths []string) {
	for i := range typ.NumField() {
		field := typ.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		path, inner := prefix+name, field.Type
		paths = append(paths, path)
		if inner.Kind() == reflect.Slice {
			inner, path = inner.Elem(), path+"[]"
		}
		if inner.Kind() == reflect.Struct {
			paths = append(paths, fieldPaths(inner, path+".")...)
		}
	}
	return paths
}

func TestSchemaExample(t *testing.T) {
	for _, schema := range schemas {
		_, rest, begins := strings.Cut(readDoc(t, schema.path), "```json\n")
		example, _, ends := strings.Cut(rest, "```\n")
		if !begins || !ends {
			t.Errorf("%s has no ```json block", schema.path)
			continue
		}
		printed := reflect.New(reflect.TypeOf(schema.object))
		dec := json.NewDecoder(strings.NewReader(example))
		dec.DisallowUnknownFields()
		if err := dec.Decode(printed.Interface()); err != nil {
			t.Errorf("%s: the example: %v", schema.path, err)
			continue
		}
		var again strings.Builder
		if err := say.JSON(&again, printed.Interface()); err != nil {
			t.Fatal(err)
		}
		if printed.Elem().FieldByName("Schema").Int() != int64(schema.version) || again.String() != example {
			t.Errorf("%s: the example is not as %s of schema %d prints it; that would be\n%s",
				schema.path, schema.command, schema.version, &again)
		}
	}
}

// The README shows how the demo begins, up to where the old process is found.
func TestReadmeDemo(t *testing.T) {
	need.Program(t, "pidof")
	need.Program(t, "make")
	// The answer of pidof is that of sysvinit's, whose package has this file.
	need.File(t, "/lib/lsb/init-functions")
	cmd := exec.Command("make", "-s", "-C", "../..", "demo")
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=") // not those of the make that runs this test
	var progress strings.Builder
	cmd.Stderr = &progress
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("make demo: %v\n%s%s", err, out, progress.String())
	}
	shown, _, whole := strings.Cut(string(out), "\nmain is stopped.")
	if !whole {
		t.Fatalf("make demo no longer stops main:\n%s", out)
	}
	shown = "```\n" + strings.Trim(regexp.MustCompile(` +\n`).ReplaceAllString(shown, "\n"), "\n") + "\n```\n"

	readme := readDoc(t, readmePath)
	begin := regexp.MustCompile(`<!-- begin: demo .*-->\n`).FindStringIndex(readme)
	end := strings.Index(readme, "<!-- end: demo -->")
	if begin == nil || end < begin[1] {
		t.Fatalf("%s has no block for the demo", readmePath)
	}
	switch old := readme[begin[1]:end]; {
	case withoutPIDs(old) == withoutPIDs(shown):
	case *update:
		if err := os.WriteFile(readmePath, []byte(readme[:begin[1]]+shown+readme[end:]), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s shows\n%s\nthe demo now prints\n%s", readmePath, old, shown)
	}
}

// What may take minutes is announced: on a new machine people waited before a silent terminal.
func TestDemoSaysWhatItDoes(t *testing.T) {
	need.Program(t, "make")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte("#!/bin/sh\necho go \"$1\" >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("make", "-s", "-B", "-C", "../..", "demo")
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=", "PATH="+dir+":"+os.Getenv("PATH"))
	var out, said strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err == nil || out.Len() > 0 {
		t.Errorf("%v, and on standard output %q", err, out.String())
	}
	if !regexp.MustCompile(`(?s)^make demo: .*\nBuilding pidproof\. .*\.\.\.\ngo build\n`).MatchString(said.String()) {
		t.Errorf("it says\n%s", said.String())
	}
}

// withoutPIDs makes two runs of the demo equal: line breaks depend on how long
// the PIDs are.
func withoutPIDs(s string) string {
	return strings.Join(strings.Fields(regexp.MustCompile(`PID \d+`).ReplaceAllString(s, "PID n")), " ")
}

func readDoc(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// The licences of what is linked ask to go with the binary. What else is in go.mod, as
// the bench's plotting library, must not be linked: it would be paid for at every start.
func TestThirdPartyNotices(t *testing.T) {
	linked, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if .Version}}{{.Path}} {{.Version}}{{end}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	notices := readDoc(t, "../../docs/third-party-notices.txt")
	modules := strings.Split(strings.TrimSpace(string(linked)), "\n")
	slices.Sort(modules)
	modules = slices.Compact(modules) // several packages may be of one
	light := []string{"github.com/alecthomas/kong", "github.com/google/renameio/v2", "github.com/kballard/go-shellquote",
		"github.com/prometheus/procfs", "golang.org/x/sys", "mvdan.cc/sh/v3"}
	var paths []string
	for _, module := range modules {
		path, _, _ := strings.Cut(module, " ")
		paths = append(paths, path)
	}
	if slices.Sort(paths); !slices.Equal(paths, light) {
		t.Errorf("linked are %q, want %q", paths, light)
	}
	for _, module := range modules {
		if !strings.Contains(notices, "==== "+module+" ====") {
			t.Errorf("no notice for %s: run `make notices`", module)
		}
	}
	if found := strings.Count(notices, "\n==== ") + 1; found != len(modules)+1 { // and Go's
		t.Errorf("%d notices for %d modules and Go: run `make notices`", found, len(modules))
	}
}
