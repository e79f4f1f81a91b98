package debs

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"pidproof/testdata/waiting"
)

//go:embed installed.sh
var installed string

// Trixie is Debian 13, installed in a folder of the user's cache: with what both sysvinit and systemd need to be its init,
// and nothing that starts. It takes root. Whoever needs it first on a machine waits for 40 MB, and for dpkg; once a day
// Debian is asked for newer packages, which takes seconds.
func Trixie() (Debian, error) {
	base, err := cache()
	if err != nil {
		return Debian{}, err
	}
	base = filepath.Join(base, "trixie")
	if err := os.MkdirAll(filepath.Join(base, "lists/partial"), 0o755); err != nil {
		return Debian{}, err
	}
	lock, err := os.OpenFile(filepath.Join(base, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return Debian{}, err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return Debian{}, err
	}
	asked := filepath.Join(base, "asked") // which root Debian had the packages of, and when
	if name, err := os.ReadFile(asked); err == nil {
		entry, err := os.Stat(asked)
		root := filepath.Join(base, string(name))
		if _, missing := os.Stat(root); err == nil && missing == nil && time.Since(entry.ModTime()) < 24*time.Hour {
			return Debian{root, trixieOptions(base, root)}, nil
		}
	}
	root, err := newestTrixie(base, lock)
	if err == nil {
		err = os.WriteFile(asked, []byte(filepath.Base(root)), 0o644)
	}
	return Debian{root, trixieOptions(base, root)}, err
}

func newestTrixie(base string, lock *os.File) (root string, err error) {
	if err := trixieSources(base); err != nil {
		return "", err
	}
	nothing := Debian{options: trixieOptions(base, "")}
	folder, err := nothing.Fetch("install", "--download-only", "--no-install-recommends", "?essential", "apt", "procps",
		"sysvinit-core", "sysv-rc", "initscripts", "insserv", "startpar", "systemd", "dbus")
	if err != nil {
		return "", err
	}
	root = filepath.Join(base, "root-"+filepath.Base(folder))
	return root, install(folder, root, lock)
}

// trixieOptions are of apt-get: nothing counts of what this machine has installed, pinned or listed. Without a root,
// nothing is installed.
func trixieOptions(base, root string) []string {
	status := "/dev/null"
	if root != "" {
		status = filepath.Join(root, "var/lib/dpkg/status")
	}
	var options []string
	for _, option := range []string{
		"Dir::State=" + base, "Dir::State::lists=" + filepath.Join(base, "lists"), "Dir::State::status=" + status,
		"Dir::Cache=" + base, "Dir::Etc::sourcelist=" + filepath.Join(base, "sources.list"), "Dir::Etc::sourceparts=/dev/null",
		"Dir::Etc::preferences=/dev/null", "Dir::Etc::preferencesparts=/dev/null", "Acquire::Languages=none",
	} {
		options = append(options, "-o", option)
	}
	return options
}

// trixieSources takes Debian's own archives from where the machine has them.
func trixieSources(base string) error {
	sources, err := archives()
	if err == nil && sources == "" { // no lists yet
		if err := Machine.update(base); err != nil {
			return err
		}
		sources, err = archives()
	}
	if err != nil {
		return err
	}
	if sources == "" {
		return errors.New("apt-get indextargets names no archive of Debian's")
	}
	return os.WriteFile(filepath.Join(base, "sources.list"), []byte(sources), 0o644)
}

// archives are lines of sources.list(5).
func archives() (string, error) {
	targets, err := exec.Command("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)",
		"Created-By: Packages", "Origin: Debian", "Component: main").Output()
	if err != nil {
		return "", fmt.Errorf("apt-get indextargets: %w", err)
	}
	var lines strings.Builder
	seen := map[string]bool{} // one architecture's is another's
	for line := range strings.Lines(string(targets)) {
		if seen[line] {
			continue
		}
		seen[line] = true
		uri, rest, _ := strings.Cut(line, " ")
		release, component, _ := strings.Cut(rest, " ")
		_, pocket, more := strings.Cut(release, "-") // updates, security
		if more {
			pocket = "-" + pocket
		}
		fmt.Fprintf(&lines, "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s trixie%s %s", uri, pocket, component)
	}
	return lines.String(), nil
}

// install makes a root, unless it is there. Those of other versions go. What installs has the lock, too: it may outlive us.
func install(folder, root string, lock *os.File) error {
	if _, err := os.Stat(root); err == nil {
		return nil
	}
	others, err := filepath.Glob(filepath.Join(filepath.Dir(root), "root-*"))
	if err != nil {
		return err
	}
	for _, other := range others {
		if err := os.RemoveAll(other); err != nil {
			return err
		}
	}
	partial := root + ".partial"
	if err := os.Mkdir(partial, 0o755); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), waiting.Limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--pid", "--ipc", "--uts", "--net", "--fork", "--kill-child=KILL",
		"sh", "-c", installed, "installed.sh", partial, folder)
	cmd.ExtraFiles = []*os.File{lock}
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("installing Debian 13: %w: %s", err, said)
	}
	return os.Rename(partial, root)
}
