package matcher

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
)

// fixtureBoot is when every fixture's machine booted; its times are seconds
// since then, as the kernel's start times are.
var fixtureBoot = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

// fixture is a text file of testdata/proc, expanded into a directory: a host
// that never was, for what a kernel will not do on demand.
//
// Its comment holds what to ask ("daemon:", "pidfile:", "unclaimed:"; without a
// daemon as start-stop-daemon does, "name:", "parent:", "user:") and what
// must come of it ("want: VERDICT RULE", "file: STATE", "role: PID ROLE", "pids: PID..." of the
// main processes). Its sections are
// files; `a -> b` is a link; `process N` is expanded into /proc/N; `hidden N`
// is a process that /proc does not show. "mtime:" gives a file's time,
// "mode:" its permissions. $ROOT is the directory, $ID(path) a file's identity
// as /proc/locks prints it.
type fixture struct {
	t      *testing.T
	root   string
	host   *host
	in     Instance
	want   string
	file   string
	pids   string
	roles  map[int]string
	hidden map[int]bool
}

func loadFixture(t *testing.T, path string) *fixture {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, in: Instance{Label: true}, root: t.TempDir(), roles: map[int]string{}, hidden: map[int]bool{}}
	self := strconv.Itoa(os.Getpid())
	f.process(os.Getpid(), map[string]string{"comm": "pidproof"})
	f.process(1, map[string]string{"comm": "init", "ppid": "0"})
	for _, file := range archive.Files {
		f.add(file.Name, string(file.Data))
	}
	if _, err := os.Lstat(f.path("proc/self")); err != nil {
		f.link("proc/self", self)
	}
	f.configure(string(archive.Comment))
	f.host = &host{
		System: &kernel.System{
			Proc:      f.path("proc"),
			Now:       func() time.Time { return fixtureBoot.Add(24 * time.Hour) },
			Boot:      func() (time.Time, error) { return fixtureBoot, nil },
			PidfdOpen: func(int) (int, error) { return -1, unix.ENOSYS },
			Taken:     func(pid int) bool { return f.hidden[pid] },
			Still:     true,
		},
		run:  []string{f.path("run")},
		path: f.path("usr/sbin"),
	}
	return f
}

func (f *fixture) path(name string) string { return filepath.Join(f.root, name) }

func (f *fixture) expand(s string) string {
	s = strings.ReplaceAll(s, "$ROOT", f.root)
	for {
		before, rest, found := strings.Cut(s, "$ID(")
		if !found {
			return s
		}
		name, after, _ := strings.Cut(rest, ")")
		id := kernel.Identify(f.path(name)).Value
		s = fmt.Sprintf("%s%02x:%02x:%d%s", before, unix.Major(id.Dev), unix.Minor(id.Dev), id.Ino, after)
	}
}

func (f *fixture) add(name, data string) {
	f.t.Helper()
	kind, number, _ := strings.Cut(name, " ")
	from, to, isLink := strings.Cut(name, " -> ")
	switch {
	case isLink:
		f.link(from, f.expand(to))
	case kind == "process":
		f.process(atoi(f.t, number), keyValues(data))
	case kind == "hidden":
		f.hidden[atoi(f.t, number)] = true
	default:
		f.write(name, f.expand(data), 0o644)
	}
}

func (f *fixture) configure(comment string) {
	for key, values := range keyLists(comment) {
		for _, value := range values {
			words := strings.Fields(f.expand(value))
			switch key {
			case "daemon":
				f.in.Daemon = words[0]
			case "pidfile":
				f.in.Pidfile = words[0]
				f.in.criteria.Pidfile = words[0]
				f.in.Default = len(words) > 1 && words[1] == "default"
			case "name":
				f.in.criteria.Name = words[0]
			case "parent":
				f.in.criteria.PPID = atoi(f.t, words[0])
			case "user":
				uid := atoi(f.t, words[0])
				f.in.criteria.UID = &uid
			case "unclaimed":
				f.in.ListeningOnly, f.in.PidfileOnly = words[0] == "listening", words[0] == "none"
			case "want":
				f.want = strings.Join(words, " ")
			case "file":
				f.file = words[0]
			case "pids":
				f.pids = strings.Join(words, " ")
			case "role":
				f.in.Others, f.in.Sockets = true, true
				f.roles[atoi(f.t, words[0])] = strings.Join(words[1:], " ")
			case "mtime":
				at := fixtureBoot.Add(time.Duration(atoi(f.t, words[1])) * time.Second)
				f.must(os.Chtimes(f.path(words[0]), at, at))
			case "mode":
				bits, err := strconv.ParseUint(words[1], 8, 32)
				f.must(err)
				f.must(os.Chmod(f.path(words[0]), fs.FileMode(bits)))
			case "hardlink":
				f.must(os.Link(f.path(words[0]), f.path(words[1])))
			}
		}
	}
}

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) write(name, data string, mode fs.FileMode) {
	f.t.Helper()
	f.must(os.MkdirAll(filepath.Dir(f.path(name)), 0o755))
	f.must(os.WriteFile(f.path(name), []byte(data), mode))
	// Whatever the umask, and written when the fixture's processes started.
	f.must(os.Chmod(f.path(name), mode))
	at := fixtureBoot.Add(100 * time.Second)
	f.must(os.Chtimes(f.path(name), at, at))
}

func (f *fixture) link(name, target string) {
	f.t.Helper()
	f.must(os.MkdirAll(filepath.Dir(f.path(name)), 0o755))
	f.must(os.Symlink(target, f.path(name)))
}

// process writes /proc/PID as the kernel would, from a few keys: comm, argv
// (words), exe, state, ppid, pgrp, session, threads, tgid, uid ("real
// effective"), nspid, mnt, start (seconds since boot), flags.
func (f *fixture) process(pid int, k map[string]string) {
	f.t.Helper()
	get := func(key, otherwise string) string {
		if v, ok := k[key]; ok {
			return f.expand(v)
		}
		return otherwise
	}
	self := strconv.Itoa(pid)
	start := atoi(f.t, get("start", "100")) * kernel.UserHZ
	dir := filepath.Join("proc", self)
	f.write(filepath.Join(dir, "stat"), fmt.Sprintf(
		"%d (%s) %s %s %s %s 0 -1 %s 0 0 0 0 0 0 0 0 20 0 %s 0 %d 4096 1 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
		pid, get("comm", "daemon"), get("state", "S"), get("ppid", "1"), get("pgrp", self), get("session", self),
		get("flags", "4194304"), get("threads", "1"), start), 0o444)
	uids := strings.Fields(get("uid", fmt.Sprintf("%d %d", os.Getuid(), os.Getuid())))
	f.write(filepath.Join(dir, "status"), fmt.Sprintf(
		"Name:\t%s\nTgid:\t%s\nPid:\t%d\nPPid:\t%s\nUid:\t%s\t%s\t%s\t%s\nGid:\t0\t0\t0\t0\nNSpid:\t%s\n",
		get("comm", "daemon"), get("tgid", self), pid, get("ppid", "1"), uids[0], uids[1], uids[1], uids[1],
		strings.ReplaceAll(get("nspid", self), " ", "\t")), 0o444)
	argv := strings.Fields(get("argv", ""))
	f.write(filepath.Join(dir, "cmdline"), strings.Join(append(argv, ""), "\x00"), 0o444)
	if exe := get("exe", ""); exe != "" {
		f.link(filepath.Join(dir, "exe"), exe)
	}
	f.link(filepath.Join(dir, "root"), "/")
	f.link(filepath.Join(dir, "ns/mnt"), "mnt:["+get("mnt", "4026531840")+"]")
}

func keyLists(text string) map[string][]string {
	out := map[string][]string{}
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		if key, value, found := strings.Cut(line, ":"); found && !strings.HasPrefix(line, "#") {
			out[key] = append(out[key], strings.TrimSpace(value))
		}
	}
	return out
}

func keyValues(text string) map[string]string {
	out := map[string]string{}
	for key, values := range keyLists(text) {
		out[key] = values[0]
	}
	return out
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Root without CAP_SYS_PTRACE may not look through another user's
// /proc/PID/root; where that is our root, it need not.
func TestScriptThatCannotBeLookedAt(t *testing.T) {
	f := loadFixture(t, fixtures+"/script.txtar")
	f.must(f.host.Open())
	d, err := f.host.findDaemon(f.in.Daemon)
	f.must(err)
	root := f.path("proc/4000001/root")
	f.must(os.Remove(root))
	f.must(os.Symlink(root, root)) // ELOOP, also for root
	for _, c := range []struct {
		word string
		root fact.Place
		want fact.FactState
	}{
		{d.Path, fact.SamePlace, fact.Known},
		{d.Path, fact.PlaceUnknown, fact.Unreadable},
		{d.Path, fact.OtherPlace, fact.Unreadable},
		{d.Path + "x", fact.SamePlace, fact.Unreadable},
	} {
		e := fact.Evidence{PID: 4000001, Tree: fact.SamePlace, Root: c.root, Argv: fact.Of([]string{"python3", c.word})}
		got := f.host.scriptFiles(d, e)
		if len(got) != 1 || got[0].File.State != c.want || c.want == fact.Known && got[0].File.Value != d.File.Value {
			t.Errorf("%s, root %s: got %+v", c.word, c.root, got)
		}
	}
}
