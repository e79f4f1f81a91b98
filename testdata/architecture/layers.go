package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"path"
	"slices"
	"strings"
)

const (
	module = "pidproof/"
	// rooms are below one layer, which is drawn as one.
	rooms = "cmd/pidproof/internal"
)

// listed is what `go list -json` says of a package.
type listed struct {
	ImportPath, Doc string
	Imports         []string
	Module          *struct{ Path string }
}

// layers are a figure of the layers, and a table of the packages in them.
func layers(root string) (string, error) {
	packages, err := list(root)
	if err != nil {
		return "", err
	}
	return figure(packages) + "\n" + packagesTable(packages), nil
}

// list has the packages that the program is made of, and what they import.
func list(root string) ([]listed, error) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Doc,Imports,Module", "./matcher/...", "./cmd/...")
	cmd.Dir = root
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	var packages []listed
	for dec := json.NewDecoder(out); ; {
		var p listed
		if err = dec.Decode(&p); err != nil {
			break
		}
		packages = append(packages, p)
	}
	if err == io.EOF {
		err = nil
	}
	return packages, errors.Join(err, cmd.Wait())
}

// layerOf is where a package is drawn; "" for the standard library's.
func layerOf(importPath string) string {
	ours, is := strings.CutPrefix(importPath, module)
	switch {
	case is && strings.HasPrefix(ours, rooms+"/"):
		return rooms
	case is:
		return ours
	}
	return library(importPath)
}

// library is the module of a package that is neither ours nor Go's.
func library(importPath string) string {
	words := strings.Split(importPath, "/")
	switch {
	case !strings.Contains(words[0], ".") || strings.HasPrefix(importPath, module):
		return ""
	case words[0] == "github.com" && len(words) > 2:
		return strings.Join(words[:3], "/")
	}
	return strings.Join(words[:min(3, len(words))], "/")
}

// figure draws who imports whom, as mermaid.
func figure(packages []listed) string {
	inside := map[string][]string{}
	arrows := map[string]map[string]bool{}
	for _, p := range packages {
		from := layerOf(p.ImportPath)
		inside[from] = append(inside[from], path.Base(p.ImportPath))
		for _, imported := range p.Imports {
			if to := layerOf(imported); to != "" && to != from {
				if arrows[from] == nil {
					arrows[from] = map[string]bool{}
				}
				arrows[from][to] = true
			}
		}
	}
	var b strings.Builder
	b.WriteString("```mermaid\nflowchart TD\n")
	libraries := map[string]bool{}
	for _, layer := range fromTheTop(inside, arrows) {
		label := layer
		if layer == rooms {
			label += "<br>" + wrapped(inside[layer], 6)
		}
		fmt.Fprintf(&b, "    %s[\"%s\"]\n", id(layer), label)
		for _, to := range slices.Sorted(maps.Keys(arrows[layer])) {
			arrow := "-->"
			if inside[to] == nil {
				arrow = "-.->"
				libraries[to] = true
			}
			fmt.Fprintf(&b, "    %s %s %s\n", id(layer), arrow, id(to))
		}
	}
	for _, library := range slices.Sorted(maps.Keys(libraries)) {
		fmt.Fprintf(&b, "    %s([\"%s\"])\n", id(library), library)
	}
	b.WriteString("```\n")
	return b.String()
}

// fromTheTop orders the layers so that each stands before those that it imports.
func fromTheTop(inside map[string][]string, arrows map[string]map[string]bool) (order []string) {
	var visit func(layer string)
	visit = func(layer string) {
		if slices.Contains(order, layer) || inside[layer] == nil {
			return
		}
		for _, below := range slices.Sorted(maps.Keys(arrows[layer])) {
			visit(below)
		}
		order = append(order, layer)
	}
	for _, layer := range slices.Sorted(maps.Keys(inside)) {
		visit(layer)
	}
	slices.Reverse(order)
	return order
}

// id is what mermaid takes for the name of a box.
func id(layer string) string { return strings.NewReplacer("/", "_", ".", "_", "-", "_").Replace(layer) }

// wrapped joins words, some to a line.
func wrapped(words []string, perLine int) string {
	var lines []string
	for chunk := range slices.Chunk(words, perLine) {
		lines = append(lines, strings.Join(chunk, ", "))
	}
	return strings.Join(lines, ",<br>")
}

// packagesTable says of each package what it is for, and what it stands on.
func packagesTable(packages []listed) string {
	var b strings.Builder
	b.WriteString("| Package | What it is for | Imports of ours | Libraries |\n|---|---|---|---|\n")
	for _, p := range packages {
		var ours, libraries []string
		for _, imported := range p.Imports {
			if name, is := strings.CutPrefix(imported, module); is {
				ours = append(ours, shortest(name))
			} else if library := library(imported); library != "" {
				libraries = append(libraries, path.Base(strings.TrimSuffix(library, "/v2")))
			}
		}
		slices.Sort(ours)
		slices.Sort(libraries)
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", strings.TrimPrefix(p.ImportPath, module), purpose(p.Doc),
			strings.Join(slices.Compact(ours), ", "), strings.Join(slices.Compact(libraries), ", "))
	}
	return b.String()
}

// shortest is a package's last name.
func shortest(name string) string { return path.Base(name) }

// purpose is the first sentence of a package's comment, without its subject.
func purpose(doc string) string {
	if words := strings.SplitN(doc, " ", 3); len(words) == 3 && words[0] == "Package" {
		doc = words[2]
	}
	return strings.ReplaceAll(strings.TrimSuffix(doc, "."), "|", "\\|")
}
