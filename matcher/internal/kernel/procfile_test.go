package kernel

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/procfs"

	"pidproof/matcher/internal/fact"
	"pidproof/testdata/must"
)

const statExample = "4000001 (a) b) S 1 4000001 4000001 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 10000 4096 1 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"

// What is read of every process of this machine, and of one with an ugly name, is
// what procfs reads.
func TestProcFilesLikeProcfs(t *testing.T) {
	sleep, err := exec.LookPath("sleep")
	must.Do(t, err)
	program, err := os.ReadFile(sleep)
	must.Do(t, err)
	odd := filepath.Join(t.TempDir(), "a) Z 1 (\n b")
	must.Do(t, os.WriteFile(odd, program, 0o755))
	long := strings.Repeat("0", 3*4096) + "60" // longer than one read
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
			before := readByProcfs(pid)
			ours = readHere(h, pid)
			theirs = readByProcfs(pid)
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
			t.Errorf("%d is read as\n%s\nand by procfs as\n%s", pid, ours, theirs)
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

// readByProcfs is "" for a process that has ended.
func readByProcfs(pid int) string {
	proc, err := procfs.NewProc(pid)
	if err != nil {
		return ""
	}
	s, err1 := proc.Stat()
	status, err2 := proc.NewStatus()
	argv, err3 := proc.CmdLine()
	if err1 != nil || err2 != nil || err3 != nil {
		return ""
	}
	stat := Stat{Comm: s.Comm, State: s.State, PPID: s.PPID, Group: s.PGRP, Session: s.Session,
		Flags: uint64(s.Flags), Threads: s.NumThreads, Start: s.Starttime}
	same := Status{TGID: status.TGID, Namespaces: len(status.NSpids)}
	for i := range same.UIDs {
		same.UIDs[i], same.GIDs[i] = int(status.UIDs[i]), int(status.GIDs[i])
	}
	return fmt.Sprintf("%+v %+v %q", stat, same, argv)
}

func TestParseStatus(t *testing.T) {
	const whole = "Name:\ta\nTgid:\t7\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t4294967295\nNSpid:\t7\t2\n"
	s, err := parseStatus([]byte(whole))
	want := Status{TGID: 7, UIDs: [4]int{1, 2, 3, 4}, GIDs: [4]int{5, 6, 7, 4294967295}, Namespaces: 2}
	if err != nil || s != want {
		t.Errorf("got %+v, %v", s, err)
	}
	for _, broken := range []string{"", "Uid:\t0\t0\t0\t0\n", "Gid:\t0\t0\t0\t0\n", strings.Replace(whole, "\t4\n", "\n", 1),
		strings.Replace(whole, "\t7\n", "\t-7\n", 1), strings.Replace(whole, "Tgid:\t7", "Tgid:", 1), strings.Replace(whole, "\t2\n", "\tx\n", 1)} {
		if s, err := parseStatus([]byte(broken)); err == nil {
			t.Errorf("%q was read as %+v", broken, s)
		}
	}
}

// procfs panics on a stat file that ends behind the name.
func FuzzParseStat(f *testing.F) {
	f.Add([]byte(statExample))
	f.Add([]byte("4000001 (daemon)"))
	f.Add([]byte("4000001 (daemon"))
	f.Add([]byte(") ("))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, content []byte) {
		s, err := parseStat(content)
		if err == nil && (len(s.State) != 1 || !bytes.Contains(content, []byte("("+s.Comm+")"))) {
			t.Fatalf("%q was read as %+v", content, s)
		}
		if err != nil && s != (Stat{}) {
			t.Fatalf("%q: %+v beside an error", content, s)
		}
	})
}

func FuzzParseStatus(f *testing.F) {
	f.Add([]byte("Tgid:\t7\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nNSpid:\t7\t2\n"))
	f.Add([]byte("Uid:\nGid:\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
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
