package audit

import (
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"
)

// A place of a script is in none of the functions of a file that it reads, and in the
// innermost of its own.
func TestInside(t *testing.T) {
	s, err := parse("x", "#!/bin/sh\n. /other\na() { b() { kill $x; }; kill $y; }\nkill $z\n")
	if err != nil {
		t.Fatal(err)
	}
	other, err := parse("y", "#!/bin/sh\nc() { :; "+strings.Repeat("\n", 200)+"}\n")
	if err != nil {
		t.Fatal(err)
	}
	src := look(s, func(string) *script { return other })
	var got []string
	for _, name := range []string{"x", "y", "z"} {
		syntax.Walk(s.files[0], func(n syntax.Node) bool {
			if p, is := n.(*syntax.ParamExp); is && p.Param.Value == name {
				got = append(got, src.inside(p))
			}
			return true
		})
	}
	if strings.Join(got, ",") != "b,a," {
		t.Errorf("they are in %q", got)
	}
}
