package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

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
