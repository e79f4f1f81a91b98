package matcher

import (
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
