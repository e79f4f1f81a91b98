package main

import (
	"fmt"
	"go/ast"
	"path/filepath"
	"strings"
)

// steps are the way of `pidproof check -p PIDFILE DAEMON`, from the command line to the exit code, through each layer
// once on the way down. What is done is found by what declares it (main, checkCmd.Run, Evidence) or, in quotes, by a text
// that only one file has.
var steps = []struct {
	layer, below string
	what         []does
}{
	{"**The command** reads what is asked.", "cmd", []does{
		{"main", "passes its arguments to `run`, which has them read, and bounds the question by `--timeout`."},
		{"commandLine", "is the grammar, kong's tags; of the commands only the one that is asked for is built."},
		{"checkCmd.Run", "asks one question, prints one line, sets one exit code."},
	}},
	{"**The library** asks those below it.", "matcher", []does{
		{"Check", "is the pipeline; all of it is under one deadline."},
		{"host.findDaemon", "finds the daemon's file."},
		{"host.readPidfile", "reads the pidfile, whatever lies at its path, without waiting for it."},
		{"host.hold", "takes the process with that number: held, read, judged."},
	}},
	{"**The kernel's readers** say what is there.", "matcher/internal/kernel", []does{
		{"System.Pin", "holds the process by a pidfd, so that its number stays its own."},
		{"System.Collect", "reads what every rule needs of it."},
	}},
	{"**Facts** are what they say.", "matcher/internal/fact", []does{
		{"Evidence", "is all that the rules see of a process: known, absent, unreadable, or not read yet."},
	}},
	{"**The rules** decide.", rulesDir, []does{
		{"ParsePID", "says what the pidfile's content means."},
		{"Pidfile.Vouches", "says for whose processes it may speak."},
		{"Decide", "tries the rules about the process, in order; a rule that needs a fact which was not read yet says which."},
		{"ownership", "tries those about whose process it is."},
	}},
	{"**The library** makes the decision a verdict.", "matcher", []does{
		{"host.decideOn", "has the facts read that the rules want further, and asks them again."},
		{"host.askPidfile", "has the verdict, if the pidfile settles it: then nothing else in /proc is read."},
		{"host.scan", "else looks at all processes, each by the same rules."},
		{"assignRoles", "sorts them."},
		{"Report.weighOthers", "lets those speak that no pidfile accounts for."},
	}},
	{"**The command** says it.", "cmd", []does{
		{`"%s runs outside every pidfile: %s"`, "the line."},
		{`"the pidfile names this daemon; act on it"`, "the exit code: one table of all verdicts."},
	}},
}

type does struct{ symbol, sentence string }

// walk is the list of these steps, with the file of each.
func walk(root string) (string, error) {
	var b strings.Builder
	for i, s := range steps {
		fmt.Fprintf(&b, "%d. %s\n", i+1, s.layer)
		files, err := sources(root, s.below)
		if err != nil {
			return "", err
		}
		for _, d := range s.what {
			var found []string
			for _, f := range files {
				if declares(f.file, d.symbol) {
					found = append(found, filepath.ToSlash(f.path))
				}
			}
			if len(found) != 1 {
				return "", fmt.Errorf("%s is in %q, want one file: see testdata/architecture/walk.go", d.symbol, found)
			}
			what := ": "
			if !strings.HasPrefix(d.symbol, `"`) {
				what = ": `" + d.symbol + "` "
			}
			fmt.Fprintf(&b, "   - `%s`%s%s\n", found[0], what, d.sentence)
		}
	}
	return b.String(), nil
}

// declares reports a function, method or type of this name in a file, or a text.
func declares(file *ast.File, symbol string) bool {
	found := false
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			name := n.Name.Name
			if n.Recv != nil {
				name = receiver(n) + "." + name
			}
			found = found || name == symbol
		case *ast.TypeSpec:
			found = found || n.Name.Name == symbol
		case *ast.BasicLit:
			found = found || n.Value == symbol
		}
		return true
	})
	return found
}
