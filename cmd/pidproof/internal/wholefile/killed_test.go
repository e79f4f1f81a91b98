package wholefile

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pidproof/testdata/need"
	"pidproof/testdata/waiting"
)

func childThat(does, path string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", does, path)
	cmd.Env = append(os.Environ(), asChild+"=1")
	return cmd
}

// RLIMIT_FSIZE: `ulimit -f` of the service that calls us.
func TestLimitedFileSize(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(dir+"/x", []byte("old"), 0o644))
	out, err := childThat("limited", dir+"/x").Output()
	if err == nil || !strings.HasSuffix(string(out), "not written: file too large\n") {
		t.Errorf("%s, %v", out, err)
	}
	holds(t, dir, map[string]string{"x": "old"})
}

// A writer is killed again and again, while it writes: the file is always whole,
// and what is left is hidden from whoever looks for *.prom and *.pid.
func TestKilledWhileWriting(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/x.prom"
	must(t, Write(path, contents[0], 0o644))
	left := 0
	for range 10 {
		cmd := childThat("forever", path)
		must(t, cmd.Start())
		defer cmd.Process.Kill() // also when the test ends early
		// Once its temporary file has grown, it is in the middle.
		for deadline := time.Now().Add(waiting.Limit); !growing(dir); {
			wantWhole(t, path)
			if time.Now().After(deadline) {
				t.Fatal("no temporary file ever grows")
			}
		}
		must(t, cmd.Process.Kill())
		_ = cmd.Wait()
		wantWhole(t, path)
		leftovers, err := filepath.Glob(dir + "/.*")
		must(t, err)
		for _, path := range leftovers {
			left++
			if strings.HasSuffix(path, ".prom") || strings.HasSuffix(path, ".pid") {
				t.Errorf("left %s", path)
			}
			must(t, os.Remove(path))
		}
	}
	if left == 0 {
		t.Error("no writer was ever killed in the middle")
	}
}

func growing(dir string) bool {
	temporary, _ := filepath.Glob(dir + "/.*")
	for _, path := range temporary {
		if st, err := os.Stat(path); err == nil && st.Size() > 0 {
			return true
		}
	}
	return false
}

func wantWhole(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	must(t, err)
	if !bytes.Equal(content, contents[0]) && !bytes.Equal(content, contents[1]) {
		t.Fatalf("%d bytes, which is neither the old content nor the new", len(content))
	}
}

// A power loss cannot be had, but the order that survives one can be seen: the
// content is synced before the file has its name, and the directory after.
func TestSyncedInOrder(t *testing.T) {
	strace := need.Program(t, "strace")
	for does, appears := range map[string]string{"writing": `renameat2?\(.*, "/proc/self/fd/\d+/x"`, "creating": `linkat\(.*, "/proc/self/fd/\d+/x"`} {
		dir := t.TempDir()
		own, err := os.Executable()
		must(t, err)
		// Neither signals nor exits: they would be printed in the middle of a call.
		cmd := exec.Command(strace, "-f", "-y", "-qq", "-e", "signal=none", "-o", dir+"/.trace", "-e", "trace=fsync,renameat,renameat2,linkat", own, does, dir+"/x")
		cmd.Env = append(os.Environ(), asChild+"=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		trace, err := os.ReadFile(dir + "/.trace")
		must(t, err)
		place := regexp.QuoteMeta(dir)
		order := `(?s)fsync\(\d+<` + place + `/\.x\d+>\) += 0\n.*` + appears + `[^\n]* = 0\n.*fsync\(\d+<` + place + `>\) += 0\n`
		if !regexp.MustCompile(order).Match(trace) {
			t.Errorf("%s:\n%s", does, trace)
		}
	}
}
