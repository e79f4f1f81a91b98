// Package debs downloads Debian packages for tests, which never install them on the machine.
package debs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"pidproof/testdata/waiting"
)

// Debian is a system that packages are fetched for: what it has already is not fetched.
type Debian struct {
	Root    string   // the folder that it is installed in
	options []string // of apt-get
}

// Machine is the system that this machine runs.
var Machine = Debian{Root: "/"}

// Fetch returns a folder with exactly the packages that an apt-get command would download now. Folders are kept in the
// user's cache under the hash of what is in them, so that a later run downloads only what Debian has changed.
func (d Debian) Fetch(args ...string) (string, error) {
	base, err := cache()
	if err != nil {
		return "", err
	}
	dir, err := d.cached(base, args)
	if err == nil {
		return dir, nil
	}
	if failed := d.update(base); failed != nil { // the lists were missing or old
		return "", errors.Join(err, failed)
	}
	return d.cached(base, args)
}

// cache is a folder of the user's.
func cache() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	base = filepath.Join(base, "pidproof-lab")
	if err := os.MkdirAll(base, 0o755); err != nil {
		return "", err
	}
	return base, sweep(base)
}

const partialPrefix = "partial-" // then the PID of whoever downloads, and what MkdirTemp adds

// sweep removes what was being downloaded when a test was interrupted.
func sweep(base string) error {
	left, err := filepath.Glob(filepath.Join(base, partialPrefix+"*-*"))
	for _, dir := range left {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), partialPrefix), "-")
		if _, gone := os.Stat("/proc/" + pid); errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}
	return err
}

// Unpack puts the files of all packages in a folder below root; no script of theirs is run.
func Unpack(folder, root string) error {
	packages, err := filepath.Glob(filepath.Join(folder, "*.deb"))
	if err != nil || len(packages) == 0 {
		return fmt.Errorf("%s holds no packages: %w", folder, errors.Join(err, os.ErrNotExist))
	}
	for _, file := range packages {
		if said, err := exec.Command("dpkg-deb", "--extract", file, root).CombinedOutput(); err != nil {
			return fmt.Errorf("unpacking %s: %w: %s", file, err, strings.TrimSpace(string(said)))
		}
	}
	return nil
}

func (d Debian) cached(base string, args []string) (string, error) {
	// Complete or not at all, also when two tests do this at a time.
	partial, err := os.MkdirTemp(base, fmt.Sprintf("%s%d-", partialPrefix, os.Getpid()))
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(partial)
	// Asked in an empty folder apt-get names every file, with its hash.
	uris, err := d.aptGet(base, partial, append([]string{"--print-uris"}, args...)...)
	if err != nil {
		return "", err
	}
	var files []string
	for line := range strings.Lines(uris) {
		if strings.HasPrefix(line, "'") {
			files = append(files, line)
		}
	}
	slices.Sort(files)
	sum := sha256.Sum256([]byte(strings.Join(files, "")))
	dir := filepath.Join(base, hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := d.download(partial, files); err != nil {
		if _, err := d.aptGet(base, partial, args...); err != nil {
			return "", err
		}
	}
	if err := os.Rename(partial, dir); err != nil && !os.IsExist(err) {
		return "", err
	}
	return dir, nil
}

// download gets what apt-get has named: 'URI' NAME SIZE HASH, a line each. apt-helper has apt's ways of doing that, and its
// sources, and does not read the package lists once more.
func (d Debian) download(partial string, files []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), waiting.Limit)
	defer cancel()
	args := append([]string{"-q", "-o", "APT::Sandbox::User=root"}, d.options...)
	args = append(args, "download-file")
	for _, line := range files {
		words := strings.Fields(line)
		if len(words) != 4 {
			return fmt.Errorf("apt-get --print-uris: %q", line)
		}
		args = append(args, strings.Trim(words[0], "'"), filepath.Join(partial, words[1]), words[3])
	}
	if said, err := exec.CommandContext(ctx, "/usr/lib/apt/apt-helper", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("apt-helper: %w: %s", err, said)
	}
	return nil
}

// update renews the system's package lists, or, for an ordinary user, his own.
func (d Debian) update(base string) error {
	if os.Geteuid() != 0 {
		if err := os.MkdirAll(filepath.Join(usersLists(base), "partial"), 0o755); err != nil {
			return err
		}
	}
	_, err := d.aptGet(base, base, "update")
	return err
}

func usersLists(base string) string { return filepath.Join(base, "lists") }

// aptGet runs a command that installs nothing here. Without locks: it must neither wait for the machine's package
// manager nor hold it up.
func (d Debian) aptGet(base, downloads string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), waiting.Limit)
	defer cancel()
	options := []string{"-q", "-y", "-o", "APT::Sandbox::User=root", "-o", "Dir::Cache::archives=" + downloads,
		// Images of containers keep no index of the lists: each call makes it anew, for more than a second.
		"-o", "Dir::Cache::pkgcache=" + filepath.Join(base, "pkgcache.bin")}
	users := false
	if os.Geteuid() != 0 {
		_, err := os.Stat(usersLists(base))
		users = err == nil
	}
	if users {
		options = append(options, "-o", "Dir::State::lists="+usersLists(base), "-o", "Dir::Cache="+base)
	}
	if users || args[0] != "update" {
		options = append(options, "-o", "Debug::NoLocking=1")
	}
	options = append(options, d.options...)
	cmd := exec.CommandContext(ctx, "apt-get", append(options, args...)...)
	cmd.Dir = downloads
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("apt-get %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return string(out), nil
}
