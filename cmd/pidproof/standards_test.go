package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What the manual says of Debian's functions and of dpkg's program under STANDARDS is tried by a script, which calls both:
// it fails where a listed difference is none any more, and this where one is listed and not tried, or tried and not
// listed. The columns of a table, where many cases are "as Debian", are held to the same calls.
func TestStandardsAreTried(t *testing.T) {
	script := readDoc(t, "testdata/script/root/standards.txtar")
	for _, page := range []string{"pidproof-check.8", "pidproof-killproc.8", "pidproof-start-stop-daemon.8"} {
		_, part, found := strings.Cut(script, "\n# "+page+"\n")
		if !found {
			t.Fatalf("the script has no part for %s", page)
		}
		part, _, _ = strings.Cut(part, "\n# pidproof-")
		var tried, differ []string
		for _, call := range regexp.MustCompile(`(?m)^(?:try|# untried:) (?:'([^']*)'|"([^"]*)")(?: (?:'([^']*)'|"([^"]*)") (?:'([^']*)'|"([^"]*)"))?`).FindAllStringSubmatch(part, -1) {
			tried = append(tried, call[1]+call[2])
			if call[3]+call[4] != call[5]+call[6] {
				differ = append(differ, call[1]+call[2])
			}
		}
		m := pageNamed(t, strings.TrimSuffix(page, ".8"))
		var listed []string
		table := false
		for _, line := range m.part(t, ".Sh STANDARDS", "") {
			name, is := strings.CutPrefix(line, ".It ")
			switch {
			case strings.HasPrefix(line, ".Bl "):
				table = strings.HasPrefix(line, ".Bl -column")
			case is && table:
				cells := strings.Split(name, " Ta ")
				if strings.HasPrefix(cells[0], "Em ") {
					continue // its head
				}
				listed = append(listed, cells[0])
				same := cells[3] == "as Debian" || cells[3] == cells[2]
				if same && slices.Contains(differ, cells[0]) {
					t.Errorf("%s: %q is as Debian's, and the script has them differ", page, cells[0])
				}
			case is:
				listed = append(listed, name)
			}
		}
		if len(listed) == 0 {
			t.Errorf("%s lists no difference", page)
		}
		for _, name := range listed {
			if !slices.Contains(tried, name) {
				t.Errorf("%s: %q is listed, and the script does not try it", page, name)
			}
		}
		for _, name := range tried {
			if !slices.Contains(listed, name) {
				t.Errorf("%s: %q is tried, and not listed", page, name)
			}
		}
	}
}
