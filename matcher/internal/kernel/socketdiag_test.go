package kernel

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/testdata/must"
	"pidproof/testdata/need"
)

func TestUnixListeners(t *testing.T) {
	needsUnixDiag(t)
	dir := t.TempDir()
	unique := fmt.Sprintf("pidproof-test-%d", os.Getpid())
	want := map[string]string{ // by what it is bound to
		filepath.Join(dir, "path"):           filepath.Join(dir, "path"),
		filepath.Join(dir, "two  blanks\n1"): filepath.Join(dir, "two  blanks\n1"),
		"\x00" + unique:                      "@" + unique,
		"\x00" + unique + "\x00\nb":          "@" + unique + "@\nb",
	}
	inodes := map[uint64]string{}
	for name, address := range want {
		inodes[inodeOf(t, bound(t, unix.SOCK_STREAM, name, true))] = address
	}
	not := inodeOf(t, bound(t, unix.SOCK_STREAM, filepath.Join(dir, "bound"), false))

	found, _, err := unixListeners("/proc/self", func(inode uint64) bool { return inodes[inode] != "" || inode == not })
	if err != nil {
		t.Fatal(err)
	}
	got := map[uint64]string{}
	for _, l := range found {
		if got[l.inode] = l.Address; l.Kind != "unix" {
			t.Errorf("kind %q", l.Kind)
		}
	}
	if len(got) != len(inodes) || len(found) != len(inodes) {
		t.Errorf("got %v, want %v", found, inodes)
	}
	for inode, address := range inodes {
		if got[inode] != address {
			t.Errorf("inode %d: got %q, want %q", inode, got[inode], address)
		}
	}
}

// Anybody may give a socket a name with a newline in it, behind which stands what says of root's that it listens.
func TestForgedLineOfTable(t *testing.T) {
	needsUnixDiag(t)
	path := filepath.Join(t.TempDir(), "real")
	silent, listens := bound(t, unix.SOCK_DGRAM, "", false), bound(t, unix.SOCK_STREAM, path, true)
	ofTCP := socket(t, unix.AF_INET, unix.SOCK_STREAM)
	for _, of := range []*os.File{silent, listens, ofTCP} {
		forge(t, of)
	}

	for what, c := range map[string]struct {
		stdin *os.File
		want  []string
	}{
		"silent":    {silent, nil},
		"of TCP":    {ofTCP, nil},
		"listening": {listens, []string{"unix " + path}},
	} {
		pid := sleepsOn(t, c.stdin)
		for how, got := range map[string]fact.Fact[[]fact.Socket]{
			"alone":       ThisSystem().Listening(pid),
			"with others": ThisSystem().ListeningOf([]int{pid})[pid],
		} {
			var said []string
			for _, s := range got.Value {
				said = append(said, s.String())
			}
			if got.State != fact.Known || !slices.Equal(said, c.want) {
				t.Errorf("%s, asked %s: got %q (%v), want %q", what, how, said, got.Err, c.want)
			}
		}
	}
}

// Of a table in parts the kernel passes over a socket if some of the same hash, which are told before it, are closed
// meanwhile: anybody could hide that root's process listens.
func TestHiddenListener(t *testing.T) {
	needsUnixDiag(t)
	words := []rune("abcdefgh") // in any order they have the same sum (unix_abstract_hash in net/unix/af_unix.c)
	name := func(n int) string {
		order := slices.Clone(words)
		for i := range order {
			n, order[i], order[i+n%(len(order)-i)] = n/(len(order)-i), order[i+n%(len(order)-i)], order[i]
		}
		name := fmt.Sprintf("\x00%07d", os.Getpid())
		for _, r := range order {
			name += strings.Repeat(string(r), 12)
		}
		return name
	}
	hidden := bound(t, unix.SOCK_STREAM, name(0), true)
	pid, inode := sleepsOn(t, hidden), inodeOf(t, hidden)
	var others []*os.File
	for len(others) < 40 || !beginsPart(t, inode) {
		if others = append(others, bound(t, unix.SOCK_STREAM, name(len(others)+1), true)); len(others) > 2000 {
			t.Fatal("it begins no part of the table")
		}
	}
	const some = 3
	last := len(others) - some
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			for _, s := range others[last:] {
				s.Close()
			}
			for i := range others[last:] {
				others[last+i] = bound(t, unix.SOCK_STREAM, name(last+i+1), true)
			}
		}
	}()
	for range 300 {
		for how, got := range map[string]fact.Fact[[]fact.Socket]{
			"alone":       ThisSystem().Listening(pid),
			"with others": ThisSystem().ListeningOf([]int{pid})[pid],
		} {
			if got.State != fact.Known || len(got.Value) != 1 {
				t.Errorf("asked %s: got %v (%v)", how, got.Value, got.Err)
			}
		}
	}
	close(stop)
	<-stopped
}

// beginsPart reports that a socket is the second of a part of the table but the first: the one before is told twice.
func beginsPart(t *testing.T, inode uint64) bool {
	t.Helper()
	fd, err := diagSocket("/proc/self")
	must.Do(t, err)
	defer unix.Close(fd)
	_, err = unix.Write(fd, unixDiagRequest(unix.NLM_F_DUMP, 0))
	must.Do(t, err)
	begins, buffer := false, make([]byte, unixDiagAnswer)
	for part := 0; ; part++ {
		n, err := unix.Read(fd, buffer)
		must.Do(t, err)
		found, done, err := parseUnixDiag(buffer[:n])
		must.Do(t, err)
		at := slices.IndexFunc(found, func(l listener) bool { return l.inode == inode })
		if begins = begins || part > 0 && (at == 0 || at == 1); done {
			return begins
		}
	}
}

// What a process has in a network namespace of its own the kernel is asked there, and we stay in ours.
func TestForgedLineElsewhere(t *testing.T) {
	need.Root(t)
	needsUnixDiag(t)
	if os.Getenv("PIDPROOF_TEST_FORGES") != "" {
		forge(t, bound(t, unix.SOCK_DGRAM, "", false))
		fmt.Println("ready")
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestForgedLineElsewhere$")
	cmd.Env = append(os.Environ(), "PIDPROOF_TEST_FORGES=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		stdin.Close()
		_ = cmd.Wait()
	}()
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		t.Fatalf("it said %q: %v", line, err)
	}
	pid, ours := cmd.Process.Pid, ReadLink("/proc/self/ns/net").Value
	if its := ReadLink(fmt.Sprintf("/proc/%d/ns/net", pid)).Value; its == ours {
		t.Fatalf("%d is in our namespace", pid)
	}
	for how, got := range map[string]fact.Fact[[]fact.Socket]{
		"alone":       ThisSystem().Listening(pid),
		"with others": ThisSystem().ListeningOf([]int{pid})[pid],
	} {
		if got.State != fact.Known || len(got.Value) > 0 {
			t.Errorf("asked %s: got %v (%v)", how, got.Value, got.Err)
		}
	}
	threads, err := filepath.Glob("/proc/self/task/*/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		if now := ReadLink(thread); now.State == fact.Known && now.Value != ours {
			t.Errorf("%s is %s now, not %s", thread, now.Value, ours)
		}
	}
}

// forge makes a socket whose name is a line of /proc/net/unix, which says that another accepts connections.
func forge(t *testing.T, of *os.File) {
	t.Helper()
	line := fmt.Sprintf("0: 00000002 00000000 00010000 0001 01 %d /forged", inodeOf(t, of))
	bound(t, unix.SOCK_DGRAM, "\x00\n"+line, false)
	if table, err := os.ReadFile("/proc/self/net/unix"); err != nil || !strings.Contains(string(table), "\n"+line) {
		t.Fatalf("the line is not in the table: %v", err)
	}
}

func needsUnixDiag(t *testing.T) {
	t.Helper()
	_, _, err := unixListeners("/proc/self", func(uint64) bool { return false })
	need.Kernel(t, "CONFIG_UNIX_DIAG", err)
}

// bound is a unix socket of ours with this name, if any.
func bound(t *testing.T, kind int, name string, listens bool) *os.File {
	t.Helper()
	s := socket(t, unix.AF_UNIX, kind)
	fd := int(s.Fd())
	if name != "" {
		if err := unix.Bind(fd, &unix.SockaddrUnix{Name: strings.Replace(name, "\x00", "@", 1)}); err != nil {
			t.Fatal(err)
		}
	}
	if listens {
		if err := unix.Listen(fd, 1); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func socket(t *testing.T, family, kind int) *os.File {
	t.Helper()
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := os.NewFile(uintptr(fd), "socket")
	t.Cleanup(func() { s.Close() })
	return s
}

func inodeOf(t *testing.T, s *os.File) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(int(s.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

func TestParseUnixDiag(t *testing.T) {
	to := binary.NativeEndian
	message := func(kind uint16, data []byte) []byte {
		m := to.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(data)))
		m = to.AppendUint16(m, kind)
		m = append(m, make([]byte, 10)...)
		return append(m, data...)
	}
	socket := make([]byte, unixDiagHead)
	socket[2] = tcpListen
	to.PutUint32(socket[4:], 42)
	named := to.AppendUint16(slices.Clone(socket), 7)
	named = to.AppendUint16(named, unixDiagName)
	named = append(named, "/x\x00\x00"...)
	for _, c := range []struct {
		what   string
		answer []byte
		want   string
	}{
		{"a socket without a name", message(unix.SOCK_DIAG_BY_FAMILY, socket), `[unix ] false <nil>`},
		{"one with a name, the last", append(message(unix.SOCK_DIAG_BY_FAMILY, named), message(unix.NLMSG_DONE, make([]byte, 4))...), `[unix /x] true <nil>`},
		{"no handler", message(unix.NLMSG_ERROR, to.AppendUint32(nil, ^uint32(unix.ENOENT)+1)), `[] false no such file or directory`},
		{"given up", message(unix.NLMSG_DONE, to.AppendUint32(nil, ^uint32(unix.ENOMEM)+1)), `[] false cannot allocate memory`},
		{"nothing", nil, `[] false bad message`},
		{"half a header", make([]byte, 8), `[] false bad message`},
		{"half a socket", message(unix.SOCK_DIAG_BY_FAMILY, socket[:8]), `[] false bad message`},
		{"an attribute longer than the rest", message(unix.SOCK_DIAG_BY_FAMILY, named[:len(named)-4]), `[] false bad message`},
		{"an end without a number", message(unix.NLMSG_DONE, nil), `[] false bad message`},
	} {
		found, done, err := parseUnixDiag(c.answer)
		if got := fmt.Sprint(found, done, err); got != c.want {
			t.Errorf("%s: got %s, want %s", c.what, got, c.want)
		}
		if len(found) == 1 && found[0].inode != 42 {
			t.Errorf("%s: inode %d, want 42", c.what, found[0].inode)
		}
	}
}

func FuzzParseUnixDiag(f *testing.F) {
	f.Add(unixDiagRequest(unix.NLM_F_DUMP, 0))
	f.Fuzz(func(t *testing.T, answer []byte) { _, _, _ = parseUnixDiag(answer) })
}
