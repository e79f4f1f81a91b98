package doctor

import (
	"slices"
	"testing"
)

// One package has all three wrappers, and was advised three times.
func TestEachRemedyOnce(t *testing.T) {
	var f Finding
	f.add(ToDo, "not in place: a, b", "install it", "install it")
	f.add(ToDo, "nor is c", "install it", "enable c")
	if want := []string{"install it", "enable c"}; !slices.Equal(f.Remedies, want) {
		t.Errorf("remedies %q, want %q", f.Remedies, want)
	}
}
