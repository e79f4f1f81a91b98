package restart

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"pidproof/cmd/pidproof/internal/instances"
	"pidproof/cmd/pidproof/internal/onlyone"
	"pidproof/cmd/pidproof/internal/shellvars"
	"pidproof/cmd/pidproof/internal/wholefile"
	"pidproof/matcher"
)

// ranFile has the names of the registered instances that ran when they were last looked at,
// and of those that went down since: a line each. It is about this boot alone.
func ranFile() string { return onlyone.File("ran") }

// WentDown are those of the instances which do not run any more: they ran when that was last
// remembered, or have left a pidfile.
func WentDown(seen []instances.Instance) (down []instances.Instance, err error) {
	ran, err := readRan()
	for _, i := range seen {
		if i.Report.Verdict == matcher.Dead || i.Report.Verdict == matcher.NotRunning && slices.Contains(ran, i.Name) {
			down = append(down, i)
		}
	}
	return down, err
}

func readRan() ([]string, error) {
	path := ranFile()
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && !st.Mode().IsRegular() {
		err = errors.New(path + " is no regular file: remove it")
	}
	if err == nil {
		err = shellvars.Trusted(path, st)
	}
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(path)
	return strings.Fields(string(content)), err
}

// Remember notes which of the registered instances run, and keeps those that went down.
func Remember(seen []instances.Instance) error {
	before, err := readRan()
	if err != nil {
		return err
	}
	var ran []string
	for _, i := range seen {
		if i.Report.Verdict == matcher.Running || slices.Contains(before, i.Name) {
			ran = append(ran, i.Name)
		}
	}
	if slices.Equal(ran, before) {
		return nil
	}
	path := ranFile()
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return wholefile.Write(path, []byte(strings.Join(ran, "\n")+"\n"), 0o644)
}
