package registry

import (
	"os"
	"testing"

	"pidproof/testdata/supervise"
)

func TestMain(m *testing.M) { os.Exit(supervise.Main(m.Run)) }
