package matcher

import (
	"slices"
	"strings"
	"testing"

	"pidproof/matcher/internal/fact"
)

// Of what thousands of processes say the beginning is kept.
func TestLighten(t *testing.T) {
	long := strings.Repeat("x", 2*keptArguments)
	for _, test := range []struct{ argv, want []string }{
		{nil, nil},
		{[]string{}, []string{}},
		{[]string{"webd", "-p", ""}, []string{"webd", "-p", ""}},
		{[]string{"webd", long, "more"}, []string{"webd", long[:keptArguments-len("webd")-1-3] + "..."}},
		{[]string{long}, []string{long[:keptArguments-3] + "..."}},
		{slices.Repeat([]string{""}, 2*keptArguments), slices.Repeat([]string{""}, keptArguments)},
	} {
		var p Process
		p.Evidence.Argv, p.Evidence.Exe, p.Decision.Why = fact.Of(test.argv), fact.Of(fact.Exe{Link: long}), long
		p.lighten()
		if got := p.Evidence.Argv.Value; !slices.Equal(got, test.want) || (got == nil) != (test.want == nil) {
			t.Errorf("of %.80q is kept %.80q, want %.80q", test.argv, got, test.want)
		}
		if len(p.Decision.Why) != keptReason || len(p.Evidence.Exe.Value.Link) != keptLink {
			t.Errorf("of a reason %d bytes are kept, of a link %d", len(p.Decision.Why), len(p.Evidence.Exe.Value.Link))
		}
	}
	if got := beginning("größe", 6); got != "gr..." { // no half of a letter
		t.Errorf("it begins %q", got)
	}
}
