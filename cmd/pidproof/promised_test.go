package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pidproof/cmd/pidproof/internal/instances"
)

// What docs/CONTRIBUTING.md promises to others is held here, and what it says of kernels and Go.

const (
	promisedFile     = "testdata/promised"
	contributingPath = "../../docs/CONTRIBUTING.md"
)

// facts are what scripts, programs and dashboards can rely on, a line each.
func facts(t *testing.T) (lines []string) {
	t.Helper()
	for _, cmd := range model(t).Leaves(false) {
		lines = append(lines, "command "+cmd.Name)
		for _, option := range optionsOf(cmd.Flags, true) {
			lines = append(lines, "option "+cmd.Name+" "+option)
		}
		for _, code := range exitCodesIn(t, pageOf(t, cmd.Name), cmd.Name) {
			lines = append(lines, "exit "+cmd.Name+" "+code)
		}
	}
	for _, schema := range schemas {
		name := fmt.Sprintf("json %s schema %d ", schema.command, schema.version)
		for _, path := range fieldPaths(reflect.TypeOf(schema.object), "") {
			lines = append(lines, name+path)
		}
	}
	for _, name := range instances.MetricNames() {
		lines = append(lines, "metric "+name)
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// Nothing of what was promised goes; what is new is promised from now on. -update adds it, and takes nothing away.
func TestPromised(t *testing.T) {
	now := facts(t)
	content, err := os.ReadFile(promisedFile)
	if err != nil && !*update {
		t.Fatal(err)
	}
	promised := strings.Split(strings.TrimSpace(string(content)), "\n")
	if *update {
		promised = append(promised, now...)
		slices.Sort(promised)
		promised = slices.DeleteFunc(slices.Compact(promised), func(line string) bool { return line == "" })
		if err := os.WriteFile(promisedFile, []byte(strings.Join(promised, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range promised {
		if !slices.Contains(now, line) {
			t.Errorf("%s is promised, and gone", line)
		}
	}
	for _, line := range now {
		if !slices.Contains(promised, line) {
			t.Errorf("%s is new: go test ./cmd/pidproof -run TestPromised -update", line)
		}
	}
	for _, line := range promised {
		if code, is := strings.CutPrefix(line, "exit "); is && !regexp.MustCompile(` ([0-4]|1[5-9]\d|102|127)$`).MatchString(code) {
			t.Errorf("%s is none of LSB's, and none that it leaves to applications", line) // 102 and 127 are the real programs'
		}
	}
}

// goVersion is what a go.mod asks for.
func goVersion(t *testing.T, path string) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^go (\S+)$`).FindStringSubmatch(readDoc(t, path))
	if m == nil {
		t.Fatalf("%s asks for no Go", path)
	}
	return m[1]
}

// The versions of Go that pages name are those of the modules, and the kernels and architectures those that tests play.
func TestSupported(t *testing.T) {
	build, test := goVersion(t, "../../go.mod"), goVersion(t, "../../testdata/tools/go.mod")
	contributing := readDoc(t, contributingPath)
	for _, claim := range []string{
		"To build takes Go " + build + " or later", "To test and check takes Go " + test + " or\nlater",
		"| Go | " + build + " to build, " + test + " to test |", "(" + strings.TrimSuffix(build, ".0") + ": 3.2)",
	} {
		if !strings.Contains(contributing, claim) {
			t.Errorf("%s does not say %q", contributingPath, claim)
		}
	}
	for _, m := range regexp.MustCompile(`Go (1\.\d+)`).FindAllStringSubmatch(readDoc(t, readmePath), -1) {
		if version := m[1] + ".0"; version != build && version != test {
			t.Errorf("%s speaks of Go %s, the modules ask for %s and %s", readmePath, m[1], build, test)
		}
	}
	var played []string
	for _, l := range lacking {
		played = append(played, strings.Split(l.calls, ",")...)
	}
	slices.Sort(played)
	for _, call := range slices.Compact(played) {
		if !strings.Contains(contributing, "`"+call+"`") {
			t.Errorf("%s does not name %s, which tests deny", contributingPath, call)
		}
	}
	arch := readDoc(t, filepath.Join("../../testdata/attack", "arch_test.go"))
	_, row, _ := strings.Cut(contributing, "| Architectures | ")
	row, _, _ = strings.Cut(row, " |")
	for _, name := range strings.FieldsFunc(row, func(r rune) bool { return strings.ContainsRune(" ;", r) }) {
		if name != "and" && name != "amd64" && !strings.Contains(arch, `"`+name+`"`) {
			t.Errorf("%s claims %s, and no test plays it", contributingPath, name)
		}
	}
}
