// Completion makes the files by which bash, zsh and fish complete pidproof's commands, options and arguments, from the
// grammar that `go run -tags grammar ./cmd/pidproof` prints. `make completion` runs it.
package main

import (
	_ "embed"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

// A file's name is that under which its shell looks for it.
var files = map[string]string{"pidproof": bash, "_pidproof": zsh, "pidproof.fish": fish}

//go:embed bash.tmpl
var bash string

//go:embed zsh.tmpl
var zsh string

//go:embed fish.tmpl
var fish string

func main() {
	dir := flag.String("to", ".", "the folder for the files")
	flag.Parse()
	if err := write(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "completion:", err)
		os.Exit(1)
	}
}

func write(dir string) error {
	g, err := read(os.Stdin)
	if err != nil {
		return err
	}
	for name, text := range files {
		var out strings.Builder
		t, err := template.New(name).Funcs(words).Parse(text)
		if err == nil {
			err = t.Execute(&out, g)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), []byte(out.String()), 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
