package lab

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// debsInHost is where a host keeps the packages that Install brought.
const debsInHost = "/var/cache/pidproof-lab"

// Install downloads Debian packages, with what they need that this machine lacks, and installs them in the host.
// Their services start, as on any host.
func (h *Host) Install(t *testing.T, packages ...string) {
	t.Helper()
	debs := fetch(t, append([]string{"install", "--download-only", "--reinstall", "--no-install-recommends"}, packages...)...)
	h.Must(t, "mkdir -p "+debsInHost)
	h.Copy(t, debs, debsInHost)
	h.dpkg(t, "*")
}

// Reinstall installs packages that Install brought once more, from the same files.
func (h *Host) Reinstall(t *testing.T, packages ...string) {
	t.Helper()
	h.dpkg(t, packages...)
}

// dpkg, not apt-get: what the host knows of package lists, which may be nothing, does not matter then.
func (h *Host) dpkg(t *testing.T, packages ...string) {
	t.Helper()
	command := "exec 2>&1; dpkg --force-confold --install"
	for _, name := range packages {
		command += " " + debsInHost + "/" + name + "_*.deb"
	}
	h.Must(t, command)
}

// fetch returns a folder with exactly the packages that an apt-get command would download now. Folders are kept in the
// user's cache under the hash of what is in them, so that a later run downloads only what Debian has changed.
func fetch(t *testing.T, args ...string) string {
	t.Helper()
	debs, err := cached(t, args)
	if err != nil {
		t.Logf("%v; now with new package lists", err)
		if _, err = aptOnMachine(t.TempDir(), "update"); err == nil {
			debs, err = cached(t, args)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return debs
}

func cached(t *testing.T, args []string) (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	base = filepath.Join(base, "pidproof-lab")
	if err := os.MkdirAll(base, 0o755); err != nil {
		return "", err
	}
	// Asked in an empty folder apt-get names every file, with its hash.
	uris, err := aptOnMachine(t.TempDir(), append([]string{"--print-uris"}, args...)...)
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
	// Complete or not at all, also when two tests do this at a time.
	partial, err := os.MkdirTemp(base, "partial-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(partial)
	if _, err := aptOnMachine(partial, args...); err != nil {
		return "", err
	}
	if err := os.Rename(partial, dir); err != nil && !os.IsExist(err) {
		return "", err
	}
	return dir, nil
}

// aptOnMachine runs an apt-get command that installs nothing here. Without locks: it must neither wait for the machine's
// package manager nor hold it up.
func aptOnMachine(downloads string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	options := []string{"-q", "-y", "-o", "APT::Sandbox::User=root", "-o", "Dir::Cache::archives=" + downloads}
	if args[0] != "update" {
		options = append(options, "-o", "Debug::NoLocking=1")
	}
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
