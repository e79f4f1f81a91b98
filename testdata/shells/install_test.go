package shells

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pidproof/testdata/need"
)

func TestInstallUninstall(t *testing.T) {
	dest := t.TempDir()
	target(t, "install", "DESTDIR="+dest)
	want := []string{
		"/lib/lsb/init-functions.d/60-pidproof",
		"/usr/local/sbin/pidproof",
		"/usr/local/share/bash-completion/completions/pidproof",
		"/usr/local/share/doc/pidproof/LICENSE",
		"/usr/local/share/doc/pidproof/SECURITY.md",
		"/usr/local/share/doc/pidproof/audit-json.md",
		"/usr/local/share/doc/pidproof/doctor-json.md",
		"/usr/local/share/doc/pidproof/explain-json.md",
		"/usr/local/share/doc/pidproof/fleets.md",
		"/usr/local/share/doc/pidproof/list-json.md",
		"/usr/local/share/doc/pidproof/multiple-instances.md",
		"/usr/local/share/doc/pidproof/third-party-notices.txt",
		"/usr/local/share/doc/pidproof/threat-model.md",
		"/usr/local/share/doc/pidproof/triggers-json.md",
		"/usr/local/share/fish/vendor_completions.d/pidproof.fish",
		"/usr/local/share/man/man5/pidproof-instances.5",
		"/usr/local/share/man/man7/pidproof-rules.7",
		"/usr/local/share/man/man8/pidproof-adopt.8",
		"/usr/local/share/man/man8/pidproof-after-upgrade.8",
		"/usr/local/share/man/man8/pidproof-audit.8",
		"/usr/local/share/man/man8/pidproof-check.8",
		"/usr/local/share/man/man8/pidproof-deb-systemd-invoke.8",
		"/usr/local/share/man/man8/pidproof-doctor.8",
		"/usr/local/share/man/man8/pidproof-explain.8",
		"/usr/local/share/man/man8/pidproof-invoke-rc.d.8",
		"/usr/local/share/man/man8/pidproof-killproc.8",
		"/usr/local/share/man/man8/pidproof-list.8",
		"/usr/local/share/man/man8/pidproof-ondemand.8",
		"/usr/local/share/man/man8/pidproof-pidof.8",
		"/usr/local/share/man/man8/pidproof-pidofproc.8",
		"/usr/local/share/man/man8/pidproof-quiesce.8",
		"/usr/local/share/man/man8/pidproof-register.8",
		"/usr/local/share/man/man8/pidproof-restart.8",
		"/usr/local/share/man/man8/pidproof-start-stop-daemon.8",
		"/usr/local/share/man/man8/pidproof-start_daemon.8",
		"/usr/local/share/man/man8/pidproof-status.8",
		"/usr/local/share/man/man8/pidproof-triggers.8",
		"/usr/local/share/man/man8/pidproof-unquiesce.8",
		"/usr/local/share/man/man8/pidproof-unregister.8",
		"/usr/local/share/man/man8/pidproof-wait.8",
		"/usr/local/share/man/man8/pidproof.8",
		"/usr/local/share/pidproof/alerts.yml",
		"/usr/local/share/pidproof/ansible/collect.yml",
		"/usr/local/share/pidproof/ansible/install.yml",
		"/usr/local/share/pidproof/ansible/restart.yml",
		"/usr/local/share/pidproof/ansible/roles/pidproof/defaults/main.yml",
		"/usr/local/share/pidproof/ansible/roles/pidproof/meta/main.yml",
		"/usr/local/share/pidproof/ansible/roles/pidproof/tasks/collect.yml",
		"/usr/local/share/pidproof/ansible/roles/pidproof/tasks/install.yml",
		"/usr/local/share/pidproof/ansible/roles/pidproof/tasks/main.yml",
		"/usr/local/share/pidproof/ansible/roles/pidproof/tasks/register.yml",
		"/usr/local/share/pidproof/ansible/roles/pidproof/tasks/restart.yml",
		"/usr/local/share/pidproof/apt.conf",
		"/usr/local/share/pidproof/check_pidproof",
		"/usr/local/share/pidproof/complete",
		"/usr/local/share/pidproof/deb-systemd-invoke",
		"/usr/local/share/pidproof/default",
		"/usr/local/share/pidproof/divert",
		"/usr/local/share/pidproof/example.init",
		"/usr/local/share/pidproof/init-functions",
		"/usr/local/share/pidproof/invoke-rc.d",
		"/usr/local/share/pidproof/start-stop-daemon",
		"/usr/local/share/zsh/site-functions/_pidproof",
	}
	if got := files(t, dest); !slices.Equal(got, want) {
		t.Errorf("installed %q, want %q", got, want)
	}
	for _, page := range want {
		switch text := content(t, dest+page); {
		case strings.HasSuffix(page, ".md"):
			for _, link := range regexp.MustCompile(`\]\(([^)#:]+)[)#]`).FindAllStringSubmatch(text, -1) {
				if linked := filepath.Join(filepath.Dir(page), link[1]); !slices.Contains(want, linked) {
					t.Errorf("%s links to %s, which is not installed", page, linked)
				}
			}
		case strings.HasPrefix(text, ".so "):
			if linked := "/usr/local/share/man/" + strings.TrimSpace(text[len(".so "):]); !slices.Contains(want, linked) {
				t.Errorf("%s is %s, which is not installed", page, linked)
			}
		case strings.HasPrefix(page, "/usr/local/share/man/") && strings.Contains(text, "/usr/share/pidproof"):
			t.Errorf("%s names /usr/share/pidproof, and that is not where it was installed", page)
		}
	}
	target(t, "uninstall", "DESTDIR="+dest)
	if got := files(t, dest); len(got) > 0 {
		t.Errorf("left behind %q", got)
	}
}

// What is held off is restored before the program goes that could, or nothing goes.
func TestUninstallRestoresFirst(t *testing.T) {
	need.Root(t)
	dest := t.TempDir()
	program := filepath.Join(dest, "sbin/pidproof")
	must(t, os.Mkdir(filepath.Dir(program), 0o755))
	for code, left := range map[string]bool{"1": true, "0": false} {
		must(t, os.WriteFile(program, []byte("#!/bin/sh\n[ \"$*\" = 'unquiesce --all' ] && exit "+code+"\n"), 0o755))
		cmd := exec.Command("make", "-s", "-C", "../..", "uninstall", "PREFIX="+dest, "HOOKDIR="+dest+"/hook/d")
		cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MAKE") })
		said, err := cmd.CombinedOutput()
		_, gone := os.Stat(program)
		if (err != nil) != left || (gone == nil) != left || left && !strings.Contains(string(said), "pidproof unquiesce --all must succeed first") {
			t.Errorf("unquiesce --all exits with %s: %v, %v\n%s", code, err, gone, said)
		}
	}
}

// make uninstall removed two folders for one with a blank in its name, and whatever else lies in one that is not ours alone.
func TestUninstallSpares(t *testing.T) {
	dest := t.TempDir()
	others := []string{filepath.Join(dest, "a/theirs"), filepath.Join(dest, "doc/theirs")}
	for _, file := range others {
		must(t, os.Mkdir(filepath.Dir(file), 0o755))
		must(t, os.WriteFile(file, nil, 0o644))
	}
	for why, args := range map[string][]string{
		"there must be no blank in DESTDIR: ": {"DESTDIR=" + dest + "/a b"},
		"/doc may hold more than pidproof's":  {"DESTDIR=" + dest, "DOCDIR=/doc"},
	} {
		cmd := exec.Command("make", append([]string{"-s", "-C", "../..", "uninstall"}, args...)...)
		cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MAKE") })
		if said, _ := cmd.CombinedOutput(); !strings.Contains(string(said), why) {
			t.Errorf("%q: %s", args, said)
		}
	}
	for _, file := range others {
		if _, err := os.Stat(file); err != nil {
			t.Error(err)
		}
	}
}

// target runs make without what the make that runs this test tells its children.
func target(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command("make", append([]string{"-s", "-C", "../.."}, args...)...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MAKE") })
	output(t, cmd)
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	return string(text)
}

func files(t *testing.T, root string) (names []string) {
	t.Helper()
	must(t, filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, strings.TrimPrefix(path, root))
		}
		return err
	}))
	return names
}
