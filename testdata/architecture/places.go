package main

import (
	"errors"
	"fmt"
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
)

// source is one parsed file, tests aside.
type source struct {
	path string // below the root
	file *ast.File
}

func sources(root string, dirs ...string) (files []source, err error) {
	for _, dir := range dirs {
		err = errors.Join(err, filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			below, err := filepath.Rel(root, path)
			files = append(files, source{below, file})
			return err
		}))
	}
	return files, err
}

// place is a function and its file, below the root.
type place struct{ path, function string }

// byFile names functions, those of one file together.
func byFile(places []place) string {
	var words []string
	for i, p := range places {
		words = append(words, "`"+p.function+"`")
		if i+1 == len(places) || places[i+1].path != p.path {
			words[len(words)-1] += " in `" + p.path + "`"
		}
	}
	return strings.Join(words, ", ")
}

const rulesDir = "matcher/internal/rules"

// rulesTable says of each rule, in the order in which they are declared, which function decides it.
func rulesTable(root string) (string, error) {
	files, err := sources(root, "matcher")
	if err != nil {
		return "", err
	}
	functions := functionsOf(files)
	decides := identityRules(files, functions)
	fixtures, err := fixturesOf(root)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("| Rule | Decided by | Fixtures in `testdata/proc` |\n|---|---|---|\n")
	rows := 0
	for _, f := range files {
		for _, rule := range ruleConstants(f.file) {
			where := decides[rule.ident]
			if where == nil {
				where = answers(files, rule.ident)
			}
			if where == nil {
				return "", fmt.Errorf("nothing decides %s", rule.name)
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", rule.name, byFile(where), some(rule.name, fixtures[rule.name]))
			rows++
		}
	}
	if rows == 0 {
		return "", fmt.Errorf("no rules in %s", rulesDir)
	}
	return b.String(), nil
}

// functionsOf are the files of the rules' functions, by name.
func functionsOf(files []source) map[string]string {
	where := map[string]string{}
	for _, f := range files {
		for _, d := range f.file.Decls {
			if fn, is := d.(*ast.FuncDecl); is && fn.Recv == nil && filepath.Dir(f.path) == rulesDir {
				where[fn.Name.Name] = f.path
			}
		}
	}
	return where
}

type rule struct{ ident, name string }

// ruleConstants are the constants of type Rule in a file.
func ruleConstants(file *ast.File) (rules []rule) {
	ast.Inspect(file, func(n ast.Node) bool {
		spec, is := n.(*ast.ValueSpec)
		if !is {
			return true
		}
		if kind, is := spec.Type.(*ast.Ident); is && kind.Name == "Rule" {
			rules = append(rules, rule{spec.Names[0].Name, literal(spec.Values[0])})
		}
		return true
	})
	return rules
}

func literal(e ast.Expr) string {
	if lit, is := e.(*ast.BasicLit); is && lit.Kind == token.STRING {
		if s, err := strconv.Unquote(lit.Value); err == nil {
			return s
		}
	}
	return ""
}

// identityRules reads the table that pairs rules with functions: {rule: RuleGone, apply: gone}.
func identityRules(files []source, functions map[string]string) map[string][]place {
	decides := map[string][]place{}
	for _, f := range files {
		ast.Inspect(f.file, func(n ast.Node) bool {
			lit, is := n.(*ast.CompositeLit)
			if !is {
				return true
			}
			rule, function := "", ""
			for _, elt := range lit.Elts {
				if pair, is := elt.(*ast.KeyValueExpr); is {
					elt = pair.Value
				}
				name, is := elt.(*ast.Ident)
				switch {
				case !is:
				case strings.HasPrefix(name.Name, "Rule"):
					rule = name.Name
				case functions[name.Name] != "":
					function = name.Name
				}
			}
			if rule != "" && function != "" {
				decides[rule] = append(decides[rule], place{functions[function], function})
			}
			return true
		})
	}
	return decides
}

// answers are the functions that give a rule as an answer: they pass it on first, as to overruled, or assign it.
func answers(files []source, ident string) (where []place) {
	for _, f := range files {
		for _, d := range f.file.Decls {
			fn, is := d.(*ast.FuncDecl)
			if !is || fn.Body == nil {
				continue
			}
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				var given []ast.Expr
				switch n := n.(type) {
				case *ast.CallExpr:
					if len(n.Args) > 0 {
						given = n.Args[:1]
					}
				case *ast.AssignStmt:
					given = n.Rhs
				case *ast.KeyValueExpr:
					given = []ast.Expr{n.Value}
				}
				if slices.ContainsFunc(given, func(e ast.Expr) bool { return named(e) == ident }) {
					where = append(where, place{f.path, fn.Name.Name})
				}
				return true
			})
		}
	}
	slices.SortStableFunc(where, func(a, b place) int { return strings.Compare(a.path, b.path) })
	return slices.Compact(where)
}

// named is RuleGone of RuleGone and rules.RuleGone.
func named(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

var wants = regexp.MustCompile(`(?m)^want: \S+ (\S+)$`)

// fixturesOf are the fixtures that want each rule.
func fixturesOf(root string) (map[string][]string, error) {
	paths, err := filepath.Glob(filepath.Join(root, "testdata/proc/*.txtar"))
	found := map[string][]string{}
	for _, path := range paths {
		text, readErr := os.ReadFile(path)
		err = errors.Join(err, readErr)
		if m := wants.FindSubmatch(text); m != nil {
			found[string(m[1])] = append(found[string(m[1])], strings.TrimSuffix(filepath.Base(path), ".txtar"))
		}
	}
	return found, err
}

// some names one of a rule's fixtures, its namesake if there is one, and counts the others.
func some(rule string, fixtures []string) string {
	switch others := len(fixtures) - 1; {
	case others < 0:
		return "none: a test of its own"
	default:
		one := fixtures[0]
		if slices.Contains(fixtures, rule) {
			one = rule
		}
		if others == 0 {
			return one
		}
		return fmt.Sprintf("%s, and %d more", one, others)
	}
}

// commandsTable says of each command where it is carried out, and where it is described.
func commandsTable(root string) (string, error) {
	files, err := sources(root, "cmd")
	if err != nil {
		return "", err
	}
	pages, err := pagesOf(root)
	if err != nil {
		return "", err
	}
	constants, runs := map[string]string{}, map[string]string{}
	for _, f := range files {
		ast.Inspect(f.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for i, name := range n.Names {
					if i < len(n.Values) && literal(n.Values[i]) != "" {
						constants[name.Name] = literal(n.Values[i])
					}
				}
			case *ast.FuncDecl:
				if n.Name.Name == "Run" && n.Recv != nil {
					runs[receiver(n)] = f.path
				}
			}
			return true
		})
	}
	var b strings.Builder
	b.WriteString("| Command | Carried out in | Manual |\n|---|---|---|\n")
	rows := 0
	for _, f := range files {
		for _, c := range commandsIn(f.file) {
			name := literal(c.name)
			if name == "" {
				name = constants[named(c.name)]
			}
			if name == "" || runs[c.typ] == "" || pages[name] == "" {
				return "", fmt.Errorf("of the command %q, a %s, its file is %q and its page %q", name, c.typ, runs[c.typ], pages[name])
			}
			fmt.Fprintf(&b, "| `%s` | `%s` | `%s` |\n", name, runs[c.typ], pages[name])
			rows++
		}
	}
	if rows == 0 {
		return "", errors.New("no table of commands was found")
	}
	return b.String(), nil
}

// receiver is the type that a method is of.
func receiver(fn *ast.FuncDecl) string {
	typ := fn.Recv.List[0].Type
	if star, is := typ.(*ast.StarExpr); is {
		typ = star.X
	}
	return named(typ)
}

// entry is one row of the table of commands: {"check", "…", func() runner { return new(checkCmd) }, …}.
type entry struct {
	name ast.Expr
	typ  string
}

func commandsIn(file *ast.File) (entries []entry) {
	ast.Inspect(file, func(n ast.Node) bool {
		row, is := n.(*ast.CompositeLit)
		if !is || row.Type != nil || len(row.Elts) < 3 {
			return true
		}
		grammar, is := row.Elts[2].(*ast.FuncLit)
		if !is {
			return true
		}
		ast.Inspect(grammar, func(n ast.Node) bool {
			call, is := n.(*ast.CallExpr)
			if is && named(call.Fun) == "new" {
				entries = append(entries, entry{row.Elts[0], named(call.Args[0])})
			}
			return true
		})
		return false
	})
	return entries
}

var (
	nameSection = regexp.MustCompile(`(?s)\n\.Sh NAME\n(.*?)\n\.Nd `)
	namedPage   = regexp.MustCompile(`(?m)^\.Nm pidproof-(\S+)`)
)

// pagesOf are the manual's, by the commands in their NAME.
func pagesOf(root string) (map[string]string, error) {
	paths, err := filepath.Glob(filepath.Join(root, "docs/*.8"))
	pages := map[string]string{}
	for _, path := range slices.Sorted(slices.Values(paths)) {
		text, readErr := os.ReadFile(path)
		err = errors.Join(err, readErr)
		if names := nameSection.FindSubmatch(text); names != nil {
			for _, m := range namedPage.FindAllSubmatch(names[1], -1) {
				pages[string(m[1])] = filepath.Join("docs", filepath.Base(path))
			}
		}
	}
	if len(slices.Collect(maps.Keys(pages))) == 0 {
		err = errors.Join(err, errors.New("no pages in docs"))
	}
	return pages, err
}
