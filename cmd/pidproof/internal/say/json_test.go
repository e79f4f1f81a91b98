package say

import (
	"encoding/json"
	"strings"
	"testing"
)

// encoding/json leaves as they are what a terminal obeys beyond ASCII, and DEL: the control sequence introducer is one of
// these (ECMA-48).
func TestJSONIsText(t *testing.T) {
	for _, name := range []string{
		"/usr/sbin/apache2", "größer", `a "b" \c`, "", "\x1b[2J\n\t", "\u009b2J", "\x7f", "left\u202eright", "\u00a0",
		"\U000e0041", "\U0001f600", "\ufffd", "\u2028",
	} {
		var b strings.Builder
		if err := JSON(&b, map[string]string{name: name}); err != nil {
			t.Fatal(err)
		}
		if lines := strings.ReplaceAll(b.String(), "\n", ""); Printable(lines) != lines {
			t.Errorf("%q: got %q", name, lines)
		}
		var back map[string]string
		if err := json.Unmarshal([]byte(b.String()), &back); err != nil || back[name] != name || len(back) != 1 {
			t.Errorf("%q: came back as %q (%v)", name, back, err)
		}
	}
}
