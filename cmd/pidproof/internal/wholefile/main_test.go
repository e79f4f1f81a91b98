package wholefile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/testdata/supervise"
)

const asChild = "WHOLEFILE_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(asChild) != "" {
		os.Exit(child(os.Args[1], os.Args[2]))
	}
	os.Exit(supervise.Main(m.Run))
}

// child is what a process of its own does: it is limited, or killed.
func child(does, path string) int {
	switch does {
	case "limited":
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 4096, Max: 4096}); err != nil {
			panic(err)
		}
	case "creating":
		dir, err := os.OpenRoot(filepath.Dir(path))
		if err == nil {
			err = CreateIn(dir, filepath.Base(path), contents[1], 0o644)
		}
		if err != nil {
			panic(err)
		}
		return 0
	case "forever":
		for i := 0; ; i++ {
			if err := Write(path, contents[i%len(contents)], 0o644); err != nil {
				panic(err)
			}
		}
	case "like": // for ever, too
		dir, err := os.OpenRoot(path + "/d")
		beside, unopened := os.OpenRoot(path)
		for i := 0; err == nil && unopened == nil; i++ {
			err = ReplaceLike(dir, "x", contents[i%len(contents)], beside)
		}
		panic(errors.Join(err, unopened))
	}
	if err := Write(path, contents[1], 0o644); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}
