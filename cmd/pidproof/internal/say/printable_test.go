package say

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"/usr/sbin/apache2":      "/usr/sbin/apache2",
		"größer":                 "größer",
		"\x1b[2Jevil":            `\x1b[2Jevil`,
		"a\nb\tc\r":              `a\nb\tc\r`,
		"\xff\xfe":               `\xff\xfe`,
		"left\u202eright":        `left\u202eright`, // turns the text around
		"\u00a0":                 `\u00a0`,
		"back\\slash \x00 \x7f ": `back\slash \x00 \x7f `,
	} {
		if got := Printable(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("\x1b[31m\n\xff")
	f.Fuzz(func(t *testing.T, in string) {
		got := Printable(in)
		if !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\x1b\x00") || Printable(got) != got {
			t.Fatalf("%q gave %q", in, got)
		}
	})
}
