package audit

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"
)

// A chain of 40,000 commands is as clean as one of two: each costs the same (it was 10 s, and then "too much").
func TestLongChain(t *testing.T) {
	for _, operator := range []string{" && ", " || ", " | "} {
		text := "#!/bin/sh\n" + strings.Repeat(strings.Repeat("d"+operator, 1000)+"\n", 40) + "d\n"
		if found := ofText(t, "x", text); len(found) != 0 {
			t.Errorf("%s: %d places, the first is %s: %s", operator, len(found), found[0].Kind, found[0].Words)
		}
	}
	text := "#!/bin/sh\n" + strings.Repeat("d && d &&\n", 1000) + "kill $p && d\n"
	if got := places(ofText(t, "x", text)); got != "1002 kill\n" {
		t.Errorf("found %q", got)
	}
}

// All that syntax.Walk comes to, each once.
func TestWalk(t *testing.T) {
	const text = "a && b $c && { d | e | f; } || g >h 2>&1 | i <<E && ! j\n$k\nE\n# l\nif m && n && o; then p; fi\n(q; r) && s && t &\nx=$(u | v | w) y\n"
	for _, skip := range []string{"", "b", "d", "o"} {
		f, err := syntax.NewParser().Parse(strings.NewReader(text), "")
		if err != nil {
			t.Fatal(err)
		}
		var got, want []string
		note := func(to *[]string) func(n syntax.Node) bool {
			return func(n syntax.Node) bool {
				if n == nil {
					return false
				}
				*to = append(*to, fmt.Sprintf("%T %v", n, n.Pos()))
				call, is := n.(*syntax.CallExpr)
				return !is || len(call.Args) == 0 || call.Args[0].Lit() != skip
			}
		}
		syntax.Walk(f, note(&want))
		walk(f, note(&got))
		slices.Sort(want)
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("without what is in %q:\n%s\nwant\n%s", skip, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}
