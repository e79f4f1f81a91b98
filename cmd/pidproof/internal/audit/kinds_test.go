package audit

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The page has each kind, in the order of a report, which is worst first.
func TestKindsOnThePage(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/pidproof-audit.8")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), ".Ss Kinds")
	text, _, _ = strings.Cut(text, ".Ss ")
	var listed, want []string
	for _, m := range regexp.MustCompile(`(?m)^\.It Cm (\S+)$`).FindAllStringSubmatch(text, -1) {
		listed = append(listed, m[1])
	}
	for _, a := range kinds {
		want = append(want, string(a.kind))
	}
	if strings.Join(listed, " ") != strings.Join(want, " ") {
		t.Errorf("the page has\n%s\nthere are\n%s", listed, want)
	}
}
