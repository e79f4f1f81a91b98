package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestQuote(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page")
	begin, end := quoted.Marks()
	for _, c := range []struct{ old, want string }{
		{"a\n" + begin + "old\n" + end + "\nb\n", "a\n" + begin + "new\n" + end + "\nb\n"},
		{begin + end, begin + "new\n" + end},
		{"a\n" + end + "\n" + begin, ""},
		{begin, ""},
		{"<!-- begin: comparison -->\n" + end, ""},
	} {
		if err := os.WriteFile(page, []byte(c.old), 0o644); err != nil {
			t.Fatal(err)
		}
		err := quote(page, "new\n")
		got, reading := os.ReadFile(page)
		if reading != nil {
			t.Fatal(reading)
		}
		if c.want == "" && (err == nil || string(got) != c.old) || c.want != "" && string(got) != c.want {
			t.Errorf("%q: %q, %v", c.old, got, err)
		}
	}
}
