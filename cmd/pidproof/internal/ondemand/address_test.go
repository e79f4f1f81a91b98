package ondemand

import (
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"pidproof/matcher/host"
)

func TestParseListen(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:80 (Stream)":           "tcp 127.0.0.1:80",
		"0.0.0.0:80 (Stream)":             "tcp 0.0.0.0:80",
		"[::]:80 (Datagram)":              "udp [::]:80",
		"[fe80::1%eth0]:80 (Stream)":      "tcp [fe80::1%eth0]:80",
		"/run/foo (Stream)":               "/run/foo",
		"/run/with blank (Stream)":        "/run/with blank",
		"@abstract (SequentialPacket)":    "@abstract",
		"/run/foo (Datagram)":             "", // nobody connects to it
		"/run/foo (FIFO)":                 "",
		"/dev/x (Special)":                "",
		"127.0.0.1:80 (SequentialPacket)": "", // SCTP
		"vsock:2:80 (Stream)":             "",
		"kobject-uevent 1 (Netlink)":      "",
		"127.0.0.1:80":                    "",
		"127.0.0.1:65536 (Stream)":        "",
		"":                                "",
	} {
		a, is := parseListen(listen)
		if got := a.String(); is != (want != "") || is && got != want {
			t.Errorf("%q: %s, %v, want %q", listen, got, is, want)
		}
	}
}

func FuzzListen(f *testing.F) {
	for _, listen := range []string{
		"127.0.0.1:80 (Stream)", "[::]:0 (Datagram)", "/x (Stream)", "@ (SequentialPacket)", "[::1%0]:1 (Stream)",
		"1.2.3.4:5 (FIFO)", " (Stream)",
	} {
		f.Add(listen)
	}
	f.Fuzz(func(t *testing.T, listen string) {
		a, is := parseListen(listen)
		if !is {
			return
		}
		shown := a.String() // what a person and the JSON get
		switch a.Kind {
		case "unix":
			if where, _, _ := strings.Cut(listen, " ("); shown != where || !strings.ContainsAny(shown[:1], "/@") {
				t.Fatalf("%q is shown as %q", listen, shown)
			}
			if !a.is(host.Socket{Kind: "unix", Address: shown}) {
				t.Fatalf("%q is not its own socket", listen)
			}
		case "tcp", "udp":
			where, _ := strings.CutPrefix(shown, a.Kind+" ")
			if at, err := netip.ParseAddrPort(where); err != nil || at.Addr() != a.Host || !a.Host.IsValid() {
				t.Fatalf("%q is shown as %q", listen, shown)
			}
			if !a.is(host.Socket{Kind: a.Kind, Address: where}) {
				t.Fatalf("%q is not its own socket", listen)
			}
		default:
			t.Fatalf("%q has kind %q", listen, a.Kind)
		}
	})
}

func TestServicePort(t *testing.T) {
	instead(t, "/etc/services", `# comment
http	80/tcp	www web	# WorldWideWeb, not 81/tcp
http	81/udp
#gopher	70/tcp
domain 53/tcp
domain 53/udp dns
short
broken 99999/tcp
broken x/tcp
broken 7/tcp
`)
	for _, row := range []struct {
		name, protocol string
		want           uint16
	}{
		{"http", "tcp", 80}, {"http", "udp", 81}, {"web", "tcp", 80}, {"www", "tcp", 80}, {"dns", "udp", 53},
		{"8080", "tcp", 8080}, {"65535", "udp", 65535}, {"broken", "tcp", 7},
		{"dns", "tcp", 0}, {"gopher", "tcp", 0}, {"WorldWideWeb,", "tcp", 0}, {"80/tcp", "tcp", 0}, {"HTTP", "tcp", 0},
		{"65536", "tcp", 0}, {"-1", "tcp", 0}, {"", "tcp", 0}, {"short", "tcp", 0}, {"http", "sctp", 0},
	} {
		if got, known, err := servicePort(row.name, row.protocol); err != nil || got != row.want || known != (row.want != 0) {
			t.Errorf("%s/%s: %d, %v, want %d", row.name, row.protocol, got, known, row.want)
		}
	}
}

func TestAddressIs(t *testing.T) {
	tcp := func(host string, port uint16) Address {
		a := Address{Kind: "tcp", Port: port}
		if host != "" {
			a.Host = netip.MustParseAddr(host)
		}
		return a
	}
	for _, row := range []struct {
		a             Address
		kind, address string
		want          bool
	}{
		{tcp("127.0.0.1", 80), "tcp", "127.0.0.1:80", true},
		{tcp("127.0.0.1", 80), "tcp6", "[::ffff:127.0.0.1]:80", true},
		{tcp("::ffff:127.0.0.1", 80), "tcp", "127.0.0.1:80", true},
		{tcp("::1", 80), "tcp6", "[::1]:80", true},
		{tcp("", 80), "tcp", "127.0.0.1:80", true},
		{tcp("", 80), "tcp6", "[::]:80", true},
		{tcp("127.0.0.1", 80), "tcp", "127.0.0.2:80", false},
		{tcp("127.0.0.1", 80), "tcp", "127.0.0.1:81", false},
		{tcp("", 80), "udp", "127.0.0.1:80", false},
		{tcp("", 80), "unix", "127.0.0.1:80", false},
		{tcp("", 80), "tcp", "nonsense", false},
		{Address{Kind: "udp", Port: 69}, "udp6", "[::]:69", true},
		{Address{Kind: "unix", Path: "/run/x"}, "unix", "/run/x", true},
		{Address{Kind: "unix", Path: "/run/x"}, "unix", "/run/xy", false},
		{Address{Kind: "unix", Path: "@x"}, "unix", "@x", true},
	} {
		if got := row.a.is(host.Socket{Kind: row.kind, Address: row.address}); got != row.want {
			t.Errorf("%v and %s %s: %v", row.a, row.kind, row.address, got)
		}
	}
}

// Only what somebody listens on is found, with real sockets.
func TestListened(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", "[::1]:0")
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
	at, there := netip.MustParseAddrPort(tcp.Addr().String()), netip.MustParseAddrPort(udp.LocalAddr().String())
	on := []Address{
		{Kind: "tcp", Host: at.Addr(), Port: at.Port()}, {Kind: "unix", Path: path}, {Kind: "udp", Port: there.Port()},
		{Kind: "unix", Path: path + "x"}, {Kind: "tcp", Host: netip.MustParseAddr("127.0.0.3"), Port: at.Port()},
	}
	found, err := listened(t.Context(), on)
	if err != nil || len(found) != 3 || found[0] != on[0] || found[1] != on[1] || found[2] != on[2] {
		t.Errorf("%v, %v", found, err)
	}
	tcp.Close()
	local.Close()
	udp.Close()
	if found, err := listened(t.Context(), on); err != nil || len(found) > 0 {
		t.Errorf("%v, %v", found, err)
	}
}
