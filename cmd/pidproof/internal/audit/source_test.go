package audit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What doubles with each line, or each time that it is read again: without a limit, these
// would take for ever.
func TestBombs(t *testing.T) {
	var doubling strings.Builder
	doubling.WriteString("v0=$(cat /run/d.pid)\n")
	for i := 1; i < 60; i++ {
		fmt.Fprintf(&doubling, "v%d=\"$v%d$v%[2]d$(echo $v%[2]d)\"\n", i, i-1)
	}
	doubling.WriteString("kill $v59\n$v59 $v59\n")
	for _, text := range []string{
		doubling.String(),
		"alias a='" + strings.Repeat("a;", 100) + "'\na",
		"X='" + strings.Repeat(`sh -c "$X";`, 100) + "'\nsh -c \"$X\"",
	} {
		done := make(chan string, 1)
		go func() { done <- places(ofText(t, "x", "#!/bin/sh\n"+text+"\n")) }()
		select {
		case got := <-done:
			if !strings.Contains(got, string(CannotTell)) {
				t.Errorf("nothing is said of it: %q", got)
			}
		case <-time.After(5 * time.Minute):
			t.Fatalf("it takes for ever: %.60s", text)
		}
	}
}

// What a script reads is a part of it: openvswitch's have their signals in /usr/share/openvswitch/scripts/ovs-lib.
func TestSourcedPlaces(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	deeper := write("deeper", "#!/bin/sh\nDAEMON=/bin/d\nend() { kill $(cat /run/d.pid); }\n")
	lib := write("lib", ". "+deeper+"\nquiet=1\n")
	script := write("script", "#!/bin/sh\nD="+dir+"\n. $D/lib\n. "+lib+"\n. $D/nowhere\n. /dev/null\nend\n")
	r := Audit(Meant([]string{script}))
	if len(r.Findings) != 1 || r.Findings[0].Path != deeper || r.Findings[0].Line != 3 || len(r.Patches) != 0 || r.Files != 2 || len(r.Unread) != 0 {
		t.Errorf("found %+v, %d patches, %d files, %v", r.Findings, len(r.Patches), r.Files, r.Unread)
	}
	if r := Audit(Meant([]string{deeper, script})); len(r.Findings) != 1 {
		t.Errorf("twice: %+v", r.Findings)
	}
}

// Files that read each other with ".": a thousand lines each would be a thousand million.
func TestSourcedOnce(t *testing.T) {
	dir := t.TempDir()
	for from, to := range map[string]string{"a": "b", "b": "c", "c": "d", "d": "b"} {
		text := "#!/bin/sh\n" + strings.Repeat(". "+filepath.Join(dir, to)+"\n", 1000)
		if err := os.WriteFile(filepath.Join(dir, from), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s, err := load(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]int{}
	by := sourcedBy(s.path)
	look(s, func(path string) *script { read[path]++; return by(path) })
	for path, n := range read {
		if n > 1 {
			t.Fatalf("%s is read %d times", path, n)
		}
	}
}
