// Package debian tests how our Debian packages are built. testdata/lab installs them.
package debian

import (
	"crypto/sha256"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"pidproof/testdata/must"
	"pidproof/testdata/need"
	"pidproof/testdata/rounds"
)

// nobody is an ordinary user of every Debian.
const nobody = 65534

// TestSameBytes: whoever builds, where, and how his shell is set up, the packages are the same.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	need.Program(t, "dpkg-gencontrol")
	need.Program(t, "git")
	arch := output(t, exec.Command("dpkg", "--print-architecture"))
	var built [2][]string
	for i, folder := range []string{"a", "another/with/a/longer/path"} {
		dir := exported(t, folder)
		// The programs first: another user has no cache of the compiler's.
		output(t, command(dir, "make", "-s", "bin/pidproof", "completion", "bin/deb/"+arch+"/pidproof"))
		deb := command(dir, "sh", "-c", "umask 022; make -s deb ARCHES="+arch)
		if i == 1 {
			deb = command(dir, "sh", "-c", "umask 077; make -s deb ARCHES="+arch)
			deb.Env = append(deb.Environ(), "TZ=Asia/Tokyo", "LC_ALL=C.UTF-8", "HOME=/nonexistent", "DPKG_DEB_COMPRESSOR_TYPE=gzip", "DPKG_DEB_COMPRESSOR_LEVEL=9")
			asNobody(t, dir, deb)
		}
		said := output(t, deb)
		built[i] = hashes(t, filepath.Join(dir, "dist"))
		for _, file := range built[i] {
			if name := strings.Fields(file)[0]; !strings.Contains(said, name) {
				t.Errorf("make deb does not say that it has made %s: %s", name, said)
			}
		}
	}
	want := []string{"pidproof-wrappers_1.2.3~rc1_all.deb", "pidproof_1.2.3~rc1_" + arch + ".deb"}
	if names := firstFields(built[0]); !slices.Equal(names, want) {
		t.Errorf("made %q, want %q", names, want)
	}
	if !slices.Equal(built[0], built[1]) {
		t.Errorf("made\n%s\nand then\n%s", strings.Join(built[0], "\n"), strings.Join(built[1], "\n"))
	}
}

// TestLintian: Debian's checker has nothing to say of the packages, nor of their source.
func TestLintian(t *testing.T) {
	t.Parallel()
	need.Program(t, "lintian")
	need.Program(t, "dpkg-source")
	dist := filepath.Join(t.TempDir(), "dist")
	arch := output(t, exec.Command("dpkg", "--print-architecture"))
	output(t, command("../..", "make", "-s", "deb", "dsc", "ARCHES="+arch, "DIST="+dist, "STAGE="+filepath.Join(t.TempDir(), "stage"), "VERSION=1.2.3"))
	files, err := filepath.Glob(dist + "/*.[d]*")
	must.Do(t, err)
	if len(files) != 3 {
		t.Fatalf("made %q", files)
	}
	lintian := exec.Command("lintian", append([]string{"--allow-root", "--display-info", "--fail-on", "error,warning,info"}, files...)...)
	lintian.Env = append(os.Environ(), "TMPDIR="+t.TempDir()) // it leaves files there
	if said, err := lintian.CombinedOutput(); err != nil || len(said) > 0 {
		t.Errorf("lintian: %v\n%s", err, said)
	}
}

// TestArchitectures is for the long runs only: it compiles all that pidproof is made of seven times. Each program also has to
// answer, under QEMU where this machine cannot execute it; testdata/attack asks two of them more.
func TestArchitectures(t *testing.T) {
	if !rounds.Long() {
		return
	}
	t.Parallel()
	dist := filepath.Join(t.TempDir(), "dist")
	output(t, command("../..", "make", "-s", "deb", "DIST="+dist, "STAGE="+filepath.Join(t.TempDir(), "stage")))
	for arch, is := range map[string]struct {
		machine  elf.Machine
		emulator []string
	}{
		"amd64": {elf.EM_X86_64, nil}, "i386": {elf.EM_386, nil}, // qemu-i386 has not the threads that Go needs
		"arm64": {elf.EM_AARCH64, []string{"qemu-aarch64"}}, "armhf": {elf.EM_ARM, []string{"qemu-arm"}},
		"ppc64el": {elf.EM_PPC64, []string{"qemu-ppc64le"}}, "riscv64": {elf.EM_RISCV, []string{"qemu-riscv64"}},
		"s390x": {elf.EM_S390, []string{"qemu-s390x"}},
	} {
		found, err := filepath.Glob(dist + "/pidproof_*_" + arch + ".deb")
		must.Do(t, err)
		if len(found) != 1 {
			t.Fatalf("for %s there is %q", arch, found)
		}
		tree := filepath.Join(t.TempDir(), arch)
		output(t, exec.Command("dpkg-deb", "-x", found[0], tree))
		program, err := elf.Open(tree + "/usr/sbin/pidproof")
		must.Do(t, err)
		if program.Machine != is.machine || program.Section(".interp") != nil {
			t.Errorf("for %s there is a program for %s, static: %t", arch, program.Machine, program.Section(".interp") == nil)
		}
		must.Do(t, program.Close())
		if said := output(t, exec.Command("dpkg-deb", "-f", found[0], "Architecture")); said != arch {
			t.Errorf("for %s there is a package for %s", arch, said)
		}
		answers(t, append(is.emulator, tree+"/usr/sbin/pidproof"))
	}
}

// answers requires that a program tells this process from nobody.
func answers(t *testing.T, program []string) {
	t.Helper()
	own, err := os.Executable()
	must.Do(t, err)
	pidfile := filepath.Join(t.TempDir(), "own.pid")
	must.Do(t, os.WriteFile(pidfile, fmt.Appendln(nil, os.Getpid()), 0o644))
	for want, args := range map[int][]string{0: {"check", "-p", pidfile, own}, 3: {"check", "-p", "/nonexistent/pid", "/nonexistent/daemon"}} {
		command := slices.Concat(program, args)
		cmd := exec.Command(command[0], command[1:]...)
		said, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != want {
			t.Errorf("%q exits with %d, want %d: %s", command, code, want, said)
		}
	}
}

// exported is a copy of what git has, as a tarball brings it: without git, and with the version of before.
func exported(t *testing.T, name string) string {
	t.Helper()
	base := t.TempDir()
	must.Do(t, os.Chmod(filepath.Dir(base), 0o755))
	dir := filepath.Join(base, name)
	must.Do(t, os.MkdirAll(dir, 0o755))
	output(t, command("../..", "sh", "-euc", `git ls-files -z | tar -c --null --verbatim-files-from -T - | tar -x -C "$1"
		echo 1.2.3~rc1 >"$1/VERSION"; touch -d @1700000000 "$1/NEWS.md"`, "sh", dir))
	return dir
}

// asNobody gives a folder to an ordinary user, and makes a command his, if this is root.
func asNobody(t *testing.T, dir string, cmd *exec.Cmd) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	output(t, exec.Command("chown", "-R", fmt.Sprint(nobody), dir))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
}

// command is one that knows nothing of the make that runs this test, nor of a git above its folder.
func command(dir, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MAKE") })
	cmd.Env = append(cmd.Env, "XZ_LEVEL=0") // 7 s less for each package
	if filepath.IsAbs(dir) {
		cmd.Env = append(cmd.Env, "GIT_CEILING_DIRECTORIES="+dir, "GIT_DIR=/nonexistent")
	}
	return cmd
}

func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", cmd.Args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// hashes are the packages in a folder, each with its hash.
func hashes(t *testing.T, folder string) (lines []string) {
	t.Helper()
	files, err := filepath.Glob(folder + "/*.deb")
	must.Do(t, err)
	for _, file := range files {
		content, err := os.ReadFile(file)
		must.Do(t, err)
		lines = append(lines, fmt.Sprintf("%s %x", filepath.Base(file), sha256.Sum256(content)))
	}
	return lines
}

func firstFields(lines []string) (fields []string) {
	for _, line := range lines {
		fields = append(fields, strings.Fields(line)[0])
	}
	return fields
}
