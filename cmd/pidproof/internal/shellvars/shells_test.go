package shellvars

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pidproof/testdata/need"
	"pidproof/testdata/waiting"
)

// Each runs under the name sh, which makes it as POSIX as it can be: bash as with
// --posix. (mksh has no printf of its own: another one's says the same.)
var shells = []string{"dash", "busybox", "bash", "mksh", "yash"}

// asked runs a script in a shell, and gives what it printed, at each NUL.
func asked(t *testing.T, shell, script string, args ...string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waiting.Limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, need.Program(t, shell))
	cmd.Args = append([]string{"sh", "-euc", script, "sh"}, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%s: %v: %s", shell, err, &stderr)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

// sourced has a shell read the file, and print the variables.
func sourced(t *testing.T, shell, path string, names []string) []string {
	script := `. "$1"`
	for _, name := range names {
		script += `; printf '%s\0' "$` + name + `"`
	}
	return asked(t, shell, script, path)
}

// sameInShells compares what Parse makes of the content with what shells do.
func sameInShells(t *testing.T, content []byte, vars map[string]Var) {
	t.Helper()
	if len(vars) == 0 {
		return
	}
	path := filepath.Join(t.TempDir(), "default")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	names := slices.Sorted(maps.Keys(vars))
	for _, shell := range shells {
		values := sourced(t, shell, path, names)
		if len(values) != len(names) {
			t.Fatalf("%s: %d values of %q: %q", shell, len(values), names, values)
		}
		for i, name := range names {
			if values[i] != vars[name].Value {
				t.Errorf("%q\n%s has %q in %s, we have %q", content, shell, values[i], name, vars[name].Value)
			}
		}
	}
}

func TestAgainstShells(t *testing.T) {
	// Every printable byte and a few characters, in every kind of quotes.
	characters := []string{"é", "\u00a0", "\u3000", "\u0101", "\u2028", "\ufeff", "日", "\U0001f600", "\t", "  "}
	for c := byte(' '); c < 0x7f; c++ {
		characters = append(characters, string(rune(c)))
	}
	for c := rune(0x80); c < 0x120; c++ { // dash and busybox mark text with such bytes
		characters = append(characters, string(c))
	}
	lines := slices.Sorted(maps.Keys(accepted))
	for _, c := range characters {
		for _, form := range []string{"V=@", "V=a@b", "V=a:@b", `V=\@`, `V=a\@b`, "V='@'", "V='a@b'", `V="@"`, `V="a@b"`, `V="\@"`, `V="a\@b"`, "V=a # @"} {
			lines = append(lines, strings.ReplaceAll(form, "@", c))
		}
	}
	// All that is accepted in one file, so that each shell runs once.
	var content strings.Builder
	vars, total := map[string]Var{}, 0
	for _, line := range lines {
		name := fmt.Sprintf("V%d", total)
		line = strings.Replace(line, "V", name, 1)
		one, err := Parse([]byte(line))
		if err != nil {
			continue
		}
		vars[name] = one[name]
		content.WriteString(line + "\n")
		total++
	}
	if total < len(accepted)+1000 {
		t.Errorf("only %d of %d lines were accepted", total, len(lines))
	}
	sameInShells(t, []byte(content.String()), vars)
}

// FuzzAgainstShells: whatever Parse accepts, shells agree about. Names that mean
// something to a shell (IFS, RANDOM, UID) are left out: reading them does more.
func FuzzAgainstShells(f *testing.F) {
	for line := range accepted {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		vars, err := Parse(content)
		if err != nil {
			return
		}
		for name := range vars {
			if name[0] != 'V' {
				return
			}
		}
		sameInShells(t, content, vars)
	})
}

// FuzzWordsAgainstShells: whatever Words accepts, shells split as well.
func FuzzWordsAgainstShells(f *testing.F) {
	for _, command := range []string{"a 'b c' \"d\" e\\ f", "invoke-rc.d x restart", "sh -c 'a; b' x#y", "a '#b' \\~c", `"\$x" \'`} {
		f.Add(command)
	}
	f.Fuzz(func(t *testing.T, command string) {
		words, err := Words(command)
		if err != nil || len(words) == 0 {
			return
		}
		quoted := make([]string, len(words))
		for i, word := range words {
			quoted[i] = Quote(word)
		}
		for _, line := range []string{command, strings.Join(quoted, " ")} {
			for _, shell := range shells {
				if got := asked(t, shell, `set -- `+line+"\n"+`printf '%s\0' "$@"`); !slices.Equal(got, words) {
					t.Errorf("%q\n%s has %q, we have %q", line, shell, got, words)
				}
			}
		}
	})
}
