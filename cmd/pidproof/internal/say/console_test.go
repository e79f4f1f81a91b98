package say

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

// A warning is one line, also of several errors.
func TestWarn(t *testing.T) {
	a, b, c := errors.New("a"), errors.New("b\nb"), errors.New("c")
	for want, err := range map[string]error{
		"a":          a,
		`b\nb`:       b,
		`a; b\nb; c`: errors.Join(errors.Join(a, b), c),
		`a: c`:       fmt.Errorf("%w: %w", a, c),
		"%!v(<nil>)": nil,
	} {
		var said bytes.Buffer
		(&Console{Stderr: &said}).Warn("%s: %v", "x", err)
		if want == "%!v(<nil>)" {
			want = "<nil>"
		}
		if said.String() != "pidproof: x: "+want+"\n" {
			t.Errorf("%q, want %q", said.String(), want)
		}
	}
}
