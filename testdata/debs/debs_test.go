package debs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// Ctrl-C in `make test` left half a download in the user's cache.
func TestSweep(t *testing.T) {
	base := t.TempDir()
	ended := exec.Command("true")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	left, own, whole := fmt.Sprintf("partial-%d-1", ended.Process.Pid), fmt.Sprintf("partial-%d-2", os.Getpid()), "0123456789abcdef"
	for _, dir := range []string{left, own, whole} {
		if err := os.MkdirAll(filepath.Join(base, dir, "files"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := sweep(base); err != nil {
		t.Fatal(err)
	}
	kept, err := filepath.Glob(filepath.Join(base, "*"))
	if want := []string{filepath.Join(base, whole), filepath.Join(base, own)}; err != nil || !slices.Equal(kept, want) {
		t.Errorf("kept %q, want %q (%v)", kept, want, err)
	}
}
