package shells

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/testdata/supervise"
)

func TestMain(m *testing.M) {
	os.Exit(supervise.Main(func() int {
		// Daemons become our children, so that reap can wait for them.
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			panic(err)
		}
		return m.Run()
	}))
}
