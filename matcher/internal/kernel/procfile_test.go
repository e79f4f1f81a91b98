package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/testdata/must"
)

// What is read of every process of this machine, and of one with an ugly name, is
// what its files say, and its arguments are what procfs reads.
func TestProcFiles(t *testing.T) {
	sleep, err := exec.LookPath("sleep")
	must.Do(t, err)
	program, err := os.ReadFile(sleep)
	must.Do(t, err)
	odd := filepath.Join(t.TempDir(), "a) Z 1 (\n b")
	must.Do(t, os.WriteFile(odd, program, 0o755))
	long := strings.Repeat("0", 3*4096) + "36000" // longer than one read
	child := exec.Command(odd, long)
	must.Do(t, child.Start())
	t.Cleanup(func() { _ = child.Process.Kill(); _ = child.Wait() })

	h := ThisSystem()
	must.Do(t, h.Open())
	everybody, err := h.Among(func(int, int) (bool, error) { return true, nil })
	must.Do(t, err)
	pids := everybody.Pids
	if !slices.Contains(pids, child.Process.Pid) {
		t.Fatalf("%d is not among %v", child.Process.Pid, pids)
	}
	compared := 0
	for _, pid := range pids {
		theirs, ours, changed := "", "", true
		for range 5 { // it may change while it is read
			before := readPlainly(pid)
			ours = readHere(h, pid)
			theirs = readPlainly(pid)
			if changed = before != theirs; !changed && ours == theirs {
				break
			}
		}
		if changed || theirs == "" {
			continue
		}
		if nothing := strings.TrimSuffix(theirs, "[\"\"]") + "[]"; nothing == ours { // one empty argument is none
			theirs = nothing
		}
		if compared++; ours != theirs {
			t.Errorf("%d is read as\n%s\nand its files say\n%s", pid, ours, theirs)
		}
	}
	if compared < 2 {
		t.Errorf("only %d processes were compared", compared)
	}
	if argv := h.ReadArgv(child.Process.Pid).Value; !slices.Equal(argv, []string{odd, long}) {
		t.Errorf("the arguments of an ugly name are %.80q", argv)
	}
}

func readHere(h *System, pid int) string {
	stat, err1 := h.ReadStat(pid)
	status, err2 := h.ReadStatus(pid)
	argv := h.ReadArgv(pid)
	if err1 != nil || err2 != nil || argv.State != fact.Known {
		return fmt.Sprint(err1, err2, argv.Err)
	}
	return fmt.Sprintf("%+v %+v %q", stat, status, argv.Value)
}

// readPlainly is "" for a process that has ended, and for one of whose arguments we read no
// more than some: a find(1) of the host has 128 KiB of them.
func readPlainly(pid int) string {
	proc, err := procfs.NewProc(pid)
	if err != nil {
		return ""
	}
	argv, err := proc.CmdLine()
	stat, err1 := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	status, err2 := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil || err1 != nil || err2 != nil || len(argv) > argvWords || len(strings.Join(argv, " ")) >= argvLimit {
		return ""
	}
	from, to := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	f := strings.Fields(string(stat[to+1:])) // the manual's third is the first
	line := func(key string) []string {
		return strings.Fields(regexp.MustCompile(`(?m)^` + key + `:(.*)$`).FindStringSubmatch(string(status))[1])
	}
	return fmt.Sprintf("{Comm:%s State:%s PPID:%s Group:%s Session:%s Terminal:%t Flags:%s Threads:%s Memory:{program:%s stack:%s} Start:%s} {TGID:%s UIDs:%v GIDs:%v Namespaces:%d} %q",
		stat[from+1:to], f[0], f[1], f[2], f[3], f[4] != "0", f[6], f[17], f[23], f[25], f[19], line("Tgid")[0], line("Uid"), line("Gid"), len(line("NSpid")), argv)
}

// parsers are of a process whose files hold this.
func parsers(t testing.TB) (parseStat func([]byte) (Stat, error), parseStatus func([]byte) (Status, error)) {
	const pid = 4000001
	h := &System{Proc: t.TempDir()}
	for _, its := range []int{os.Getpid(), pid} {
		must.Do(t, os.Mkdir(h.PidPath(its, ""), 0o755))
	}
	parseStat = func(content []byte) (Stat, error) {
		return parsed(h.PidPath(pid, "stat"), content, func() (Stat, error) { return h.ReadStat(pid) })
	}
	return parseStat, func(content []byte) (Status, error) {
		return parsed(h.PidPath(pid, "status"), content, func() (Status, error) { return h.ReadStatus(pid) })
	}
}

func parsed[T any](path string, content []byte, read func() (T, error)) (T, error) {
	if err := os.WriteFile(path, content, 0o644); err != nil {
		panic(err)
	}
	return read()
}

// procfs gives the bare number of a failed statfs(2), which was taken for damage: where a thread had ended meanwhile, pidof
// could not tell, once in some 4,000 questions on a busy host.
func TestBareNumberIsNoDamage(t *testing.T) {
	const path = "/proc/1/task/1/stat"
	for _, number := range []error{unix.ESRCH, unix.EIO} {
		if err := readBy(path, func() error { return number }); !errors.Is(err, number) || !strings.Contains(err.Error(), path) {
			t.Errorf("%v became %v", number, err)
		}
	}
}

// The kernel writes the number 0 for a process that it lets go of meanwhile, which was taken for damage: in an exec storm
// `check` could not tell.
func TestStatusOfEnding(t *testing.T) {
	const ended = 2_000 // of which one in 300 was damaged
	for range ended {
		child := exec.Command("true")
		must.Do(t, child.Start())
		waited := make(chan error)
		go func() { waited <- child.Wait() }()
		var err error
		for err == nil {
			_, err = ThisSystem().readStatus(child.Process.Pid)
		}
		must.Do(t, <-waited)
		if !fact.Vanished(err) {
			t.Fatalf("a process that ends: %v", err)
		}
	}
}

func TestParseStatus(t *testing.T) {
	_, parseStatus := parsers(t)
	const whole = "Name:\ta\nTgid:\t7\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t4294967295\nNSpid:\t7\t2\n"
	s, err := parseStatus([]byte(whole))
	last := uint32(math.MaxUint32) // negative in a word of 32 bits
	want := Status{TGID: 7, UIDs: [4]int{1, 2, 3, 4}, GIDs: [4]int{5, 6, 7, int(last)}, Namespaces: 2}
	if err != nil || s != want {
		t.Errorf("got %+v, %v", s, err)
	}
	// What ends before the namespaces, as a kernel before 4.1 has it.
	const old = "Name:\ta\nTgid:\t7\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\n"
	if s, err := parseStatus([]byte(old)); err != nil || s != (Status{TGID: 7, UIDs: [4]int{1, 2, 3, 4}, GIDs: [4]int{5, 6, 7, 8}}) {
		t.Errorf("got %+v, %v", s, err)
	}
	for _, broken := range []string{"", "Uid:\t0\t0\t0\t0\n", "Gid:\t0\t0\t0\t0\n", strings.Replace(old, "\t4\n", "\n", 1),
		strings.Replace(whole, "\t4\n", "\t4\t5\n", 1), strings.Replace(old, "Uid", "Vid", 1),
		strings.Replace(whole, "NSpid", "Groups:"+strings.Repeat(" 7", statusLimit/2)+"\nNSpid", 1),
		strings.Replace(whole, "\t7\n", "\t-7\n", 1), strings.Replace(whole, "Tgid:\t7", "Tgid:", 1), strings.Replace(whole, "\t2\n", "\tx\n", 1)} {
		if s, err := parseStatus([]byte(broken)); err == nil {
			t.Errorf("%.200q was read as %+v", broken, s)
		}
	}
}

// procfs panics on more than four IDs, and makes root of none.
func FuzzParseStatus(f *testing.F) {
	_, parseStatus := parsers(f)
	f.Add([]byte("Tgid:\t7\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nNSpid:\t7\t2\n"))
	f.Add([]byte("Uid:\nGid:\n"))
	f.Add([]byte("Tgid:\t7\nUid:\t1\t2\t3\t4\t5\nGid:\t5\t6\t7\t8\n"))
	f.Add([]byte("Tgid:\t7\nUid:\t0\t0\t0\t0\nUid:\t1\t2\t3\t4\t5\nGid:\t5\t6\t7\t8\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if bytes.Contains(content, []byte("Cpus_allowed_list")) { // it counts processors: the kernel writes some thousands at most
			return
		}
		s, err := parseStatus(content)
		if err != nil && s != (Status{}) {
			t.Fatalf("%q: %+v beside an error", content, s)
		}
		for _, id := range append(s.UIDs[:], s.GIDs[:]...) {
			if id < 0 {
				t.Fatalf("%q: %+v", content, s)
			}
		}
	})
}

// lines has a parser of lines read a whole table.
func lines[T any](content []byte, parse func(line []byte) (T, bool)) (out []T) {
	for line := range bytes.Lines(content) {
		if one, is := parse(bytes.TrimSuffix(line, newline)); is {
			out = append(out, one)
		}
	}
	return out
}

// A table is never held whole: each line comes once, however the reads cut them, and of one
// that is longer than the buffer its beginning.
func TestReadTable(t *testing.T) {
	long := strings.Repeat("x", longestLine)
	for content, want := range map[string][]string{
		"":                                    nil,
		"one":                                 {"one"},
		"one\n":                               {"one"},
		"one\n\ntwo":                          {"one", "", "two"},
		long + "y\nz\n":                       {long, "z"},
		long + "\nz":                          {long, "z"},
		"a\n" + long + long + "\nz":           {"a", long, "z"},
		strings.Repeat(long[:1000]+"\n", 200): slices.Repeat([]string{long[:1000]}, 200),
	} {
		path := filepath.Join(t.TempDir(), "table")
		must.Write(t, path, content)
		var got []string
		must.Do(t, readTable(path, func(line []byte) { got = append(got, string(line)) }))
		if !slices.Equal(got, want) {
			t.Errorf("of %d bytes: got %d lines, want %d", len(content), len(got), len(want))
		}
	}
	if err := readTable(t.TempDir()+"/none", nil); !fact.Vanished(err) {
		t.Errorf("a table that is not there: %v", err)
	}
}

func FuzzReadTable(f *testing.F) {
	f.Add([]byte("a\nb"), 3)
	path := filepath.Join(f.TempDir(), "table")
	f.Fuzz(func(t *testing.T, content []byte, times int) {
		content = bytes.Repeat(content, max(0, min(times, 1000)))
		must.Do(t, os.WriteFile(path, content, 0o644))
		read := 0
		must.Do(t, readTable(path, func(line []byte) { read += len(line) + 1 }))
		if longest := slices.MaxFunc(append(bytes.Split(content, newline), nil), func(a, b []byte) int { return len(a) - len(b) }); len(longest) < longestLine && read < len(content) {
			t.Errorf("%d of %d bytes were read", read, len(content))
		}
	})
}
