// Package shells tests the shell files of lsb/ as an init script uses them, under
// each program that is /bin/sh somewhere.
package shells

import (
	"testing"

	"pidproof/testdata/need"
)

// Debian's functions, which source the hook after their own definitions.
const debian = "/lib/lsb/init-functions"

// Each runs under the name sh, which makes it as POSIX as it can be: bash as with --posix.
var shells = []string{"dash", "busybox", "bash", "mksh", "yash"}

// inShells runs a test in each shell.
func inShells(t *testing.T, test func(t *testing.T, sh string)) {
	t.Helper()
	for _, shell := range shells {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			test(t, need.Program(t, shell))
		})
	}
}

// inEveryWay runs a test in each shell, with each set of files that a script
// may have the functions from.
func (h *host) inEveryWay(t *testing.T, test func(t *testing.T, sh string, files []string)) {
	t.Helper()
	inShells(t, func(t *testing.T, sh string) {
		t.Run("the hook", func(t *testing.T) {
			test(t, sh, []string{h.hook})
		})
		t.Run("the hook after Debian's", func(t *testing.T) {
			need.File(t, debian)
			test(t, sh, []string{debian, h.hook})
		})
		t.Run("our init-functions", func(t *testing.T) {
			test(t, sh, []string{h.functions})
		})
	})
}
