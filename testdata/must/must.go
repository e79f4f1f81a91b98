package must

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func Write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Error(err)
	}
}

func Do(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// Files makes files and their directories.
func Files(names ...string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		for _, name := range names {
			Do(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
			Write(t, filepath.Join(dir, name), "1")
		}
	}
}
