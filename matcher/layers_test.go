package matcher

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pidproof/testdata/must"
)

const module = "pidproof/"

// below gives each layer what it may import of ours. Where a layer has rooms, a room may
// import its neighbours.
var below = map[string][]string{
	"matcher/internal/fact":   {},
	"matcher/internal/rules":  {"matcher/internal/fact"},
	"matcher/internal/kernel": {"matcher/internal/fact"},
	"matcher":                 {"matcher/internal/fact", "matcher/internal/rules", "matcher/internal/kernel"},
	"matcher/host":            {"matcher/internal/fact", "matcher/internal/kernel"},
	"cmd/pidproof/internal":   {"cmd/pidproof/internal", "matcher", "matcher/host"},
	"cmd/pidproof":            {"cmd/pidproof/internal", "matcher", "matcher/host"},
}

// layerOf is the longest that a package is in.
func layerOf(path string) (layer string) {
	for name := range below {
		if (path == name || strings.HasPrefix(path, name+"/")) && len(name) > len(layer) {
			layer = name
		}
	}
	return layer
}

// packages are ours, with what each imports: `go list` says it, as the compiler sees it.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, module+"...").Output()
	must.Do(t, err)
	imports := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		imports[words[0]] = words[1:]
	}
	return imports
}

// Data flows one way, and so do imports: a rule that asks the kernel, or a reader of /proc
// that knows a daemon, would not compile for long.
func TestImportsPointDownward(t *testing.T) {
	seen := map[string]bool{}
	for path, imports := range packages(t) {
		path, ours := strings.CutPrefix(path, module)
		layer := layerOf(path)
		if !ours || layer == "" {
			t.Errorf("%s is in no layer", path)
			continue
		}
		seen[layer] = true
		for _, imported := range imports {
			its, ours := strings.CutPrefix(imported, module)
			if ours && !slices.Contains(below[layer], layerOf(its)) {
				t.Errorf("%s imports %s, which is not below %s", path, its, layer)
			}
		}
	}
	for layer := range below {
		if !seen[layer] {
			t.Errorf("there is no %s", layer)
		}
	}
}

// The rules are pure: no I/O, no clock of their own. Their imports tell the first.
func TestRulesTouchNoKernel(t *testing.T) {
	for _, imported := range packages(t)[module+"matcher/internal/rules"] {
		for _, prefix := range []string{"os", "syscall", "golang.org/x/sys", "github.com/prometheus/procfs", "net"} {
			if imported == prefix || strings.HasPrefix(imported, prefix+"/") {
				t.Errorf("the rules import %s", imported)
			}
		}
	}
	calls(t, "internal/rules", "time.Now", "time.Since", "time.Until")
}

// Whoever prints or exits is the command: what it shares with others is given a writer,
// and returns an exit code. The command line is its own as well.
func TestOnlyTheCommandPrintsAndExits(t *testing.T) {
	for path, imports := range packages(t) {
		path = strings.TrimPrefix(path, module)
		if layerOf(path) == "cmd/pidproof" {
			continue
		}
		calls(t, filepath.Join("..", path), "os.Exit", "syscall.Exit", "unix.Exit", "log.Fatal", "log.Fatalf",
			"os.Stdout", "os.Stderr", "fmt.Print", "fmt.Printf", "fmt.Println")
		if slices.Contains(imports, "github.com/alecthomas/kong") {
			t.Errorf("%s imports kong", path)
		}
	}
}

// calls fails where the code of a package, tests aside, names one of these.
func calls(t *testing.T, dir string, names ...string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	must.Do(t, err)
	if len(files) == 0 {
		t.Fatalf("%s has no Go files", dir)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		must.Do(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if of, ok := selector.X.(*ast.Ident); ok && slices.Contains(names, of.Name+"."+selector.Sel.Name) {
				t.Errorf("%s uses %s.%s", name, of.Name, selector.Sel.Name)
			}
			return true
		})
	}
}

// A newcomer finds each file in doc.go.
func TestEveryFileIsInTheMap(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	must.Do(t, err)
	for _, dir := range []string{".", "internal/rules", "internal/kernel"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		must.Do(t, err)
		for _, file := range files {
			name := filepath.Base(file)
			if name != "doc.go" && !strings.HasSuffix(name, "_test.go") && !strings.Contains(string(doc), name) {
				t.Errorf("doc.go does not say what is in %s", file)
			}
		}
	}
}
