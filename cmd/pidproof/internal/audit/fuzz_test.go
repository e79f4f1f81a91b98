package audit

import (
	"strings"
	"testing"
)

// FuzzAudit: whatever a file holds, it is read or refused, each place is in the file, and what
// is patched is shell again.
func FuzzAudit(f *testing.F) {
	scripts, _ := labelled(f)
	for _, text := range scripts {
		f.Add("/etc/init.d/x", text)
	}
	f.Add("/etc/logrotate.d/x", "postrotate\nkill $(cat /run/x.pid)\nendscript\n")
	f.Add("/etc/cron.d/x", "* * * * * root kill $(cat /run/x.pid)\n")
	f.Add("/etc/init.d/x", "#!/bin/sh\nalias a=a\na\nf() { f $1; }\nf $1\neval eval eval $x\nv=$v\nkill $v")
	f.Fuzz(func(t *testing.T, path, text string) {
		s, err := parse(path, text)
		if err != nil {
			return
		}
		src := look(s, nil)
		found := src.supply(find(src))
		for _, place := range found {
			if place.Line < 1 || place.Line > strings.Count(text, "\n")+1 {
				t.Fatalf("a place at line %d of %q", place.Line, text)
			}
		}
		p := patchOf(s, found)
		if _, err := parse(path, p.Text()); err != nil && p.Done > 0 {
			t.Fatalf("patched: %v\n%s", err, p.Diff())
		}
	})
}
