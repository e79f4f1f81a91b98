package shells

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const role = "../../scripts/ansible/roles/pidproof/"

// What a host has of the role, and where its pidproof is, is said by variables, each of which stands in docs/fleets.md: a host
// with another PREFIX than the packages' could not be asked.
func TestAnsibleVariables(t *testing.T) {
	page := text(t, "../../docs/fleets.md")
	for _, variable := range regexp.MustCompile(`(?m)^pidproof_\w+`).FindAllString(text(t, role+"defaults/main.yml"), -1) {
		if !strings.Contains(page, "\n| `"+variable+"` |") {
			t.Errorf("docs/fleets.md has no row of %s", variable)
		}
	}
	tasks, err := filepath.Glob(role + "tasks/*.yml")
	if err != nil || len(tasks) == 0 {
		t.Fatalf("no tasks: %v", err)
	}
	for _, file := range tasks {
		if strings.Contains(text(t, file), "sbin/pidproof") {
			t.Errorf("%s knows where pidproof is, instead of pidproof_program", file)
		}
	}
}

func text(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
