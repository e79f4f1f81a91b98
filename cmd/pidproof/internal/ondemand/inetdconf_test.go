package ondemand

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestParseEntry(t *testing.T) {
	for text, want := range map[string]entry{
		"ftp stream tcp nowait root /usr/sbin/ftpd ftpd -l\n": {service: "ftp", proto: "tcp", program: "/usr/sbin/ftpd"},
		"ftp\tstream\ttcp\tnowait\troot\t/usr/sbin/ftpd":      {service: "ftp", proto: "tcp", program: "/usr/sbin/ftpd"},
		"ftp stream tcp nowait root /usr/sbin/ftpd ftpd\r\n":  {service: "ftp", proto: "tcp", program: "/usr/sbin/ftpd"},
		"127.0.0.1:8080 stream tcp nowait x /bin/w w": {address: "127.0.0.1", service: "8080", proto: "tcp",
			program: "/bin/w"},
		"[::1]:finger stream tcp6 nowait x /bin/w w": {address: "[::1]", service: "finger", proto: "tcp6",
			program: "/bin/w"},
		"*:finger stream tcp nowait x /bin/w w": {address: "*", service: "finger", proto: "tcp",
			program: "/bin/w"},
		"rstatd/1-3 dgram rpc/udp wait root /sbin/rpc.rstatd": {service: "rstatd/1-3", proto: "rpc/udp",
			program: "/sbin/rpc.rstatd"},
		"tftp dgram udp,rcvbuf=9k wait root /x/tftpd": {service: "tftp", proto: "udp", program: "/x/tftpd"},
		"echo stream tcp nowait root internal":        {service: "echo", proto: "tcp", program: "internal"},
		// What tcpd starts, tcpd(8): with its path, or without.
		"ftp stream tcp nowait root /usr/sbin/tcpd /opt/ftpd -l": {service: "ftp", proto: "tcp", program: "/opt/ftpd"},
		"ftp stream tcp nowait root /usr/sbin/tcpd in.ftpd -l": {service: "ftp", proto: "tcp",
			program: "/usr/sbin/in.ftpd"},
		"ftp stream tcp nowait root /usr/sbin/tcpd": {service: "ftp", proto: "tcp",
			program: "/usr/sbin/tcpd"},
		"ftp stream tcp nowait root /usr/sbin/mytcpd in.ftpd -l ": {service: "ftp", proto: "tcp",
			program: "/usr/sbin/mytcpd"},
	} {
		if got, is := parseEntry(text); !is || got != want {
			t.Errorf("%q: %+v, %v, want %+v", text, got, is, want)
		}
	}
	for _, text := range []string{
		"", "\n", "  \t\n", "#", "# ftp stream tcp nowait root /usr/sbin/ftpd",
		"#ftp stream tcp nowait root /usr/sbin/ftpd",
		"ftp stream tcp nowait root", "127.0.0.1:", "#<off># ftp stream tcp nowait root /usr/sbin/ftpd",
	} {
		if got, is := parseEntry(text); is {
			t.Errorf("%q: %+v, want none", text, got)
		}
	}
}

func TestEntryListens(t *testing.T) {
	instead(t, "/etc/services", "finger 79/tcp\ntftp 69/udp\n")
	at := func(kind string, port uint16, host string) Address {
		a := Address{Kind: kind, Port: port}
		if host != "" {
			a.Host = netip.MustParseAddr(host)
		}
		return a
	}
	for _, row := range []struct {
		e    entry
		want Address
		is   bool
	}{
		{entry{service: "finger", proto: "tcp"}, at("tcp", 79, ""), true},
		{entry{service: "finger", proto: "tcp6"}, at("tcp", 79, ""), true},
		{entry{service: "finger", proto: "tcp46"}, at("tcp", 79, ""), true},
		{entry{service: "8080", proto: "tcp4", address: "*"}, at("tcp", 8080, ""), true},
		{entry{service: "8080", proto: "tcp", address: "127.0.0.2"}, at("tcp", 8080, "127.0.0.2"), true},
		{entry{service: "8080", proto: "tcp", address: "[::1]"}, at("tcp", 8080, "::1"), true},
		{entry{service: "8080", proto: "tcp", address: "::1"}, at("tcp", 8080, "::1"), true},
		{entry{service: "tftp", proto: "udp"}, at("udp", 69, ""), true},
		{entry{service: "finger", proto: "udp"}, Address{}, false}, // it is tcp's
		{entry{service: "nosuch", proto: "tcp"}, Address{}, false},
		{entry{service: "8080", proto: "tcp", address: "localhost"}, Address{}, false}, // a name may be several
		{entry{service: "rstatd/1-3", proto: "rpc/udp"}, Address{}, false},
		{entry{service: "/run/x", proto: "unix"}, Address{Kind: "unix", Path: "/run/x"}, true},
		{entry{service: "x", proto: "unix"}, Address{}, false},
		{entry{service: "8080", proto: "tcp6only"}, at("tcp", 8080, ""), true},            // inetutils-inetd(8)
		{entry{service: "nosuch", port: "8081", proto: "tcp"}, at("tcp", 8081, ""), true}, // xinetd.conf(5)
	} {
		var want []Address
		if row.is {
			want = []Address{row.want}
		}
		if got, err := row.e.listens(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%+v: %v, %v, want %v", row.e, got, err, want)
		}
	}
}

// Several addresses, openbsd-inetd's inetd(8); a name among them may be several itself.
func TestEntryListensOnSeveral(t *testing.T) {
	on, err := entry{service: "8080", proto: "tcp", address: "127.0.0.2,localhost,[::1]"}.listens()
	want := []Address{{Kind: "tcp", Host: netip.MustParseAddr("127.0.0.2"), Port: 8080}, {Kind: "tcp", Host: netip.MustParseAddr("::1"), Port: 8080}}
	if err != nil || !slices.Equal(on, want) {
		t.Errorf("%v, %v", on, err)
	}
}

// Lines with an address alone are about those below.
func TestAddressLines(t *testing.T) {
	const content = "a stream tcp nowait root /bin/a\n127.0.0.2:\nb stream tcp nowait root /bin/b\n*:c stream tcp nowait root /bin/c\n*:\nd stream tcp nowait root /bin/d\n#::\n"
	var got []string
	for _, e := range (inetdLines{}).entries(content, true) {
		got = append(got, e.service+" "+e.address)
	}
	if want := []string{"a ", "b 127.0.0.2", "c *", "d *"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// A line that begins with a blank is one by itself to inetutils-inetd and xinetd.
func TestLinesWithBlanks(t *testing.T) {
	const content = "a stream tcp nowait root /bin/a\n b stream tcp nowait root /bin/b\n\tb dgram udp wait root /bin/b\n"
	lines := inetdLines{}
	if on := lines.entries(content, true); len(on) != 1 || on[0].more != 2 {
		t.Errorf("joined: %+v", on)
	}
	on := entriesOf(lines.entries(content, false), "b", nil)
	if len(on) != 2 || on[0].number != 2 || on[1].number != 3 {
		t.Fatalf("%+v", on)
	}
	held := lines.hold(content, "b", on)
	if off := entriesOf(lines.entries(held, false), "b", nil); len(off) != 2 || off[0].heldFor != "b" || off[1].heldFor != "b" {
		t.Errorf("%+v", off)
	}
	if restored, n := lines.restore(held, "b"); restored != content || n != 2 {
		t.Errorf("%d: %s", n, restored)
	}
}

// What is a service's: by its name, its program's, in.NAME's, tcpd's, and by what its
// unit or init script runs; and what is held off for it, whatever that runs by now.
func TestEntriesOf(t *testing.T) {
	content := `# ftp stream tcp nowait root /usr/sbin/x x
ftp stream tcp nowait root /usr/sbin/x x
a stream tcp nowait root /usr/sbin/ftp x
b stream tcp nowait root /usr/sbin/in.ftp x
c stream tcp nowait root /usr/sbin/tcpd in.ftp
d stream tcp nowait root /usr/sbin/vsftpd vsftpd
#<off># e stream tcp nowait root /usr/sbin/ftp x
ftps stream tcp nowait root /usr/sbin/ftps x
f stream tcp nowait root /usr/sbin/in.ftps x
g stream tcp nowait root /opt/vsftpd x
` + heldComment("ftp", lineName("h stream tcp nowait root /opt/former x", 0)) + "#<off># h stream tcp nowait root /opt/former x\n"
	var numbers []int
	for _, e := range entriesOf((inetdLines{}).entries(content, true), "ftp", []string{"/usr/sbin/vsftpd"}) {
		if numbers = append(numbers, e.number); e.off != (e.number == 7 || e.number == 12) {
			t.Errorf("%+v", e)
		}
	}
	if want := []int{2, 3, 4, 5, 6, 7, 12}; !slices.Equal(numbers, want) {
		t.Errorf("lines %v, want %v", numbers, want)
	}
}

// holdAll is content with the lines of a service held off.
func holdAll(f format, content, name string, daemons []string, joined bool) (held string, n int) {
	on := slices.DeleteFunc(entriesOf(f.entries(content, joined), name, daemons), func(e entry) bool { return e.off })
	return f.hold(content, name, on), len(on)
}

// Lines are held off for one service, and given back to it alone.
func TestHoldLinesOfTwo(t *testing.T) {
	const content = "# mine\na stream tcp nowait root /bin/a a\n\n#<off># a dgram udp wait root /bin/a a\nb stream tcp nowait root /bin/b b"
	a, n := holdAll(inetdLines{}, content, "a", nil, true)
	if want := "# mine\n" + heldComment("a", lineName("a stream tcp nowait root /bin/a a", 0)) + "#<off># a stream tcp nowait root /bin/a a\n\n#<off># a dgram"; n != 1 || !strings.HasPrefix(a, want) {
		t.Fatalf("%d: %s", n, a)
	}
	both, _ := holdAll(inetdLines{}, a, "b", nil, true)
	for _, e := range (inetdLines{}).entries(both, true) {
		if want := map[int]string{3: "a", 5: "", 7: "b"}[e.number]; !e.off || e.heldFor != want {
			t.Errorf("%+v, want heldFor %q", e, want)
		}
	}
	if alone, n := (inetdLines{}).restore(both, "b"); alone != a || n != 1 {
		t.Errorf("%d: %s", n, alone)
	}
	if same, n := (inetdLines{}).restore(both, "c"); same != both || n != 0 {
		t.Errorf("%d: %s", n, same)
	}
	// Somebody has switched it on meanwhile, or taken it away: only the comment goes.
	on := strings.Replace(a, offMark, "", 1)
	if got, n := (inetdLines{}).restore(on, "a"); got != content || n != 1 {
		t.Errorf("%d: %s", n, got)
	}
	if got, n := (inetdLines{}).restore(heldComment("a", lineName("a stream tcp nowait root /bin/a a", 0)), "a"); got != "" || n != 1 {
		t.Errorf("%d: %s", n, got)
	}
}

// FuzzInetdConf: what is held off is off, a second hold changes nothing, and what is
// given back is the very same bytes.
func FuzzInetdConf(f *testing.F) {
	f.Add("a stream tcp nowait root /bin/a a\n", "a", "")
	f.Add("\t a stream tcp nowait root /bin/a", "a", "")
	f.Add("x stream tcp nowait root /usr/sbin/tcpd in.a\r\n\r\n#<off># a s tcp w u /bin/a", "a", "/bin/b")
	f.Add("x:a 1 2 3 4 5\n"+heldComment("b", lineName("b 1 2 3 4 5", 0))+"#<off># b 1 2 3 4 5\n"+heldComment("b", lineName("b 1 2 3 4 5", 0))+"\n#<off># #<off># b 1 2 3 4 5",
		"b", "5")
	f.Add("a stream tcp nowait\n\troot /bin/a\n a\n#<off># \t b\nb stream tcp nowait root /bin/a", "a", "")
	f.Fuzz(func(t *testing.T, content, name, daemon string) {
		for _, joined := range []bool{true, false} {
			holdsAndRestores(t, inetdLines{}, content, name, daemon, joined)
		}
	})
}

func holdsAndRestores(t *testing.T, f format, content, name, daemon string, joined bool) {
	before := f.entries(content, joined)
	if _, err := ParseName(name); err != nil {
		return
	}
	daemons := []string{daemon}
	held, n := holdAll(f, content, name, daemons, joined)
	if n == 0 && held != content {
		t.Fatalf("none held off:\n%s", held)
	}
	for _, e := range entriesOf(f.entries(held, joined), name, daemons) {
		if !e.off {
			t.Fatalf("%+v is on:\n%s", e, held)
		}
	}
	if after := f.entries(held, joined); len(after) != len(before) {
		t.Fatalf("%d entries, and %d before:\n%s", len(after), len(before), held)
	}
	if again, n := holdAll(f, held, name, daemons, joined); n != 0 || again != held {
		t.Fatalf("a second time, %d:\n%s\n%s", n, held, again)
	}
	restored, given := f.restore(held, name)
	if again, n := f.restore(restored, name); n != 0 || again != restored {
		t.Fatalf("restored a second time, %d:\n%s", n, again)
	}
	if !strings.Contains(content, heldMark+name+",") && (restored != content || given != n) {
		t.Fatalf("%q\nrestored: %q, %d of %d", content, restored, given, n)
	}
}
