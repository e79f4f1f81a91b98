package main

import (
	"os/exec"
	"path/filepath"
	"testing"

	"pidproof/testdata/debs"
	"pidproof/testdata/need"
)

// What the page says of the LSB functions holds.
func TestSameFunctions(t *testing.T) {
	need.Root(t)
	if err := onBookworm(); err != nil {
		t.Skipf("left out: %v", err)
	}
	debian, err := debs.Trixie()
	if err != nil {
		t.Fatal(err)
	}
	const file = "/lib/lsb/init-functions"
	said, err := exec.Command("cmp", filepath.Join(debian.Root, file), file).CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, said)
	}
}
