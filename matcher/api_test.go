package matcher

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pidproof/testdata/must"
)

// A stranger reads the whole API before he uses it, and what is exported has to be kept.
func TestFewExportedNames(t *testing.T) {
	for dir, most := range map[string]int{".": 39, "host": 11} {
		if names := exported(t, dir); len(names) > most {
			t.Errorf("%s exports %d names, more than %d: %s", dir, len(names), most, strings.Join(names, " "))
		}
	}
}

// exported are the names at the level of a package, as go doc shows them.
func exported(t *testing.T, dir string) (names []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	must.Do(t, err)
	set := token.NewFileSet()
	var files []*ast.File
	for _, path := range paths {
		if !strings.HasSuffix(path, "_test.go") {
			file, err := parser.ParseFile(set, path, nil, parser.ParseComments)
			must.Do(t, err)
			files = append(files, file)
		}
	}
	pkg, err := doc.NewFromFiles(set, files, module+"matcher")
	must.Do(t, err)
	values, functions := append(pkg.Consts, pkg.Vars...), pkg.Funcs
	for _, named := range pkg.Types {
		names = append(names, named.Name)
		values, functions = append(append(values, named.Consts...), named.Vars...), append(functions, named.Funcs...)
	}
	for _, group := range values {
		names = append(names, group.Names...)
	}
	for _, function := range functions {
		names = append(names, function.Name)
	}
	return slices.DeleteFunc(names, func(name string) bool { return !ast.IsExported(name) })
}

// Whoever imports this package names a rule by its word: each word that the command has
// for one stands in the comment of this package.
func TestRulesAreCalledByTheirNames(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	must.Do(t, err)
	var known []string
	for _, line := range regexp.MustCompile(`(?m)^//   - ([a-z-]+): `).FindAllStringSubmatch(string(text), -1) {
		known = append(known, line[1])
	}
	found := 0
	say := func(word ast.Expr) {
		if literal, is := word.(*ast.BasicLit); is {
			if found++; !slices.Contains(known, strings.Trim(literal.Value, `"`)) {
				t.Errorf("no rule is called %s", literal.Value)
			}
		}
	}
	isRule := func(x ast.Expr) bool {
		of, is := x.(*ast.SelectorExpr)
		return is && of.Sel.Name == "Rule"
	}
	must.Do(t, filepath.WalkDir("../cmd", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		must.Do(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if isRule(n.X) {
					say(n.Y)
				}
			case *ast.KeyValueExpr:
				if key, is := n.Key.(*ast.Ident); is && key.Name == "Rule" {
					say(n.Value)
				}
			case *ast.SwitchStmt:
				for _, clause := range n.Body.List {
					for _, word := range clause.(*ast.CaseClause).List {
						if isRule(n.Tag) {
							say(word)
						}
					}
				}
			}
			return true
		})
		return nil
	}))
	if found < 10 {
		t.Errorf("%d names of rules were found in the command: is this test blind?", found)
	}
}
