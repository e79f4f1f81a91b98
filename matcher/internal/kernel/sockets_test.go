package kernel

import (
	"encoding/binary"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"pidproof/matcher/internal/fact"
	"pidproof/testdata/need"
)

func TestListening(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	path := filepath.Join(t.TempDir(), "s")
	local, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	// A connection is no listening socket.
	client, err := net.Dial("tcp", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()

	got := ThisSystem().Listening(os.Getpid())
	if got.State != fact.Known {
		t.Fatal(got.Err)
	}
	seen := map[string]bool{}
	for _, s := range got.Value {
		seen[s.String()] = true
	}
	for _, want := range []string{"tcp " + tcp.Addr().String(), "udp " + udp.LocalAddr().String(), "unix " + path} {
		if !seen[want] {
			t.Errorf("%s is missing from %v", want, got.Value)
		}
	}
	if seen["tcp "+client.LocalAddr().String()] {
		t.Errorf("the client's socket is in %v", got.Value)
	}

	ports, err := ThisSystem().Connected(os.Getpid())
	if of := client.LocalAddr().(*net.TCPAddr).AddrPort().Port(); err != nil || !slices.Contains(ports, of) {
		t.Errorf("connected from %v, %v; want %d among them", ports, err, of)
	}
}

func TestParseInet(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Log("the examples are of a little-endian machine")
		return
	}
	table := `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 42 1 0 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 43 1 0 100 0 0 10 0
   2: 00000000000000000000000001000000:0035 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 44 1
   3: 010000:1F90 00000000:0000 0A 0:0 0:0 0 0 0 45 1
   4: short
`
	got := lines([]byte(table), listeningTCP)
	if len(got) != 2 || got[0].String() != "tcp 127.0.0.1:8080" || got[0].inode != 42 || got[1].String() != "tcp [::1]:53" {
		t.Errorf("got %v", got)
	}
}

func listeningTCP(line []byte) (listener, bool) { return parseInet("tcp", tcpListen, line) }

func FuzzParseInet(f *testing.F) {
	f.Add([]byte("0: 0100007F:1F90 00000000:0000 0A 0:0 0:0 0 0 0 42 1"))
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, l := range lines(content, listeningTCP) {
			if l.Address == "" || l.Address == "invalid AddrPort" {
				t.Fatalf("%q gave %v", content, l)
			}
		}
	})
}

func TestParseUnix(t *testing.T) {
	got := lines([]byte(`Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 42 /run/with blank
0000000000000000: 00000003 00000000 00000000 0001 03 43 /run/connected
0000000000000000: 00000002 00000000 00010000 0001 01 44 /run/with
newline
0000000000000000: 00000002 00000000 00010000 0005 01 45
`), parseUnix)
	want := []string{"unix /run/with blank", "unix /run/with", "unix "}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i, w := range want {
		if got[i].String() != w {
			t.Errorf("got %q, want %q", got[i], w)
		}
	}
}

func FuzzParseUnix(f *testing.F) {
	f.Add([]byte("0: 00000002 00000000 00010000 0001 01 42 /x"))
	f.Fuzz(func(t *testing.T, content []byte) { lines(content, parseUnix) })
}

// ServesAt tells whom a process serves by its standard input, as inetd makes it.
func TestServesAt(t *testing.T) {
	for _, network := range []string{"127.0.0.1:0", "[::1]:0"} {
		listener, err := net.Listen("tcp", network)
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		client, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		served, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer served.Close()
		listens, err := listener.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		defer listens.Close()
		stdin, err := served.(*net.TCPConn).File()
		if err != nil {
			t.Fatal(err)
		}
		defer stdin.Close()

		if local, ok, _ := ServesAt(sleepsOn(t, stdin)); !ok || local.String() != listener.Addr().String() {
			t.Errorf("%v, %v, want %v", local, ok, listener.Addr())
		}
		if local, ok, _ := ServesAt(sleepsOn(t, listens)); ok {
			t.Errorf("it only listens, at %v", local)
		}
		if local, ok, _ := ServesAt(sleepsOn(t, nil)); ok {
			t.Errorf("its standard input is /dev/null, not %v", local)
		}
		pid := sleepsOn(t, stdin)
		client.Close() // the server's end is in CLOSE_WAIT now
		if local, ok, _ := ServesAt(pid); !ok || local.String() != listener.Addr().String() {
			t.Errorf("the client has gone: %v, %v, want %v", local, ok, listener.Addr())
		}
	}
	if local, ok, _ := ServesAt(1 << 30); ok {
		t.Errorf("nobody: %v", local)
	}
}

// sleepsOn starts a process with this standard input, which the test's end ends.
func sleepsOn(t *testing.T, stdin *os.File) (pid int) {
	t.Helper()
	cmd := exec.Command(need.Program(t, "sleep"), "1000")
	if stdin != nil {
		cmd.Stdin = stdin
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd.Process.Pid
}
