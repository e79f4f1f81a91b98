package matcher

import (
	"encoding/binary"
	"net"
	"os"
	"path/filepath"
	"testing"
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

	got := thisHost().listening(os.Getpid())
	if got.State != Known {
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
	got := parseInet("tcp", tcpListen, []byte(table))
	if len(got) != 2 || got[0].String() != "tcp 127.0.0.1:8080" || got[0].inode != 42 || got[1].String() != "tcp [::1]:53" {
		t.Errorf("got %v", got)
	}
}

func FuzzParseInet(f *testing.F) {
	f.Add([]byte("0: 0100007F:1F90 00000000:0000 0A 0:0 0:0 0 0 0 42 1"))
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, l := range parseInet("tcp", tcpListen, content) {
			if l.Address == "" || l.Address == "invalid AddrPort" {
				t.Fatalf("%q gave %v", content, l)
			}
		}
	})
}

func TestParseUnix(t *testing.T) {
	got := parseUnix([]byte(`Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 42 /run/with blank
0000000000000000: 00000003 00000000 00000000 0001 03 43 /run/connected
0000000000000000: 00000002 00000000 00010000 0001 01 44 /run/with
newline
0000000000000000: 00000002 00000000 00010000 0005 01 45
`))
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
	f.Fuzz(func(t *testing.T, content []byte) { parseUnix(content) })
}
