package ondemand

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/testdata/must"
)

// What xinetd 2.3.15 of Debian 12 has said of each of these is beside it.
const oddXinetd = `# service none
{
service noentry {
	server = /bin/not
}
  service	foo	more
 # a comment

	{  
	socket_type	= stream
#	disable = yes
	wait = no
	server = /usr/sbin/in.foo
	disable = no
	disable = yes
 }  
service foo
{
	id = foo-dgram
	disable = yes
	disable = no
	socket_type = dgram
	server = /usr/sbin/tcpd
	flags = REUSE NAMEINARGS
	server_args = in.foo -l
}
service rpc
{
	type = RPC UNLISTED
	protocol = tcp
	interface = 127.0.0.2
	server = /usr/sbin/rpc.foo
}
nonsense
}
service inner
{
	type = INTERNAL
	port = 4711
	socket_type = stream
	nooperator
	env += A=B
}
service incomplete
{
	server = /bin/not
`

func TestParseXinetd(t *testing.T) {
	for _, content := range []string{oddXinetd, strings.ReplaceAll(oddXinetd, "\n", "\r\n")} {
		want := []entry{
			{xinetd: true, number: 6, more: 3, service: "foo", id: "foo", proto: "tcp", program: "/usr/sbin/in.foo"},
			{xinetd: true, number: 17, more: 1, service: "foo", id: "foo-dgram", proto: "udp", program: "/usr/sbin/in.foo", off: true},
			{xinetd: true, number: 27, more: 1, service: "rpc", id: "rpc", address: "127.0.0.2", proto: "rpc/tcp", program: "/usr/sbin/rpc.foo"},
			{xinetd: true, number: 36, more: 1, service: "inner", id: "inner", port: "4711", proto: "tcp", program: "internal"},
		}
		if got := parseXinetd(content).entries; !slices.Equal(got, want) {
			t.Errorf("%+v\nwant\n%+v", got, want)
		}
	}
}

func TestHoldXinetd(t *testing.T) {
	f := xinetdServices{}
	held, n := holdAll(f, oddXinetd, "foo", nil, true)
	if n != 1 || strings.Count(held, heldLine) != 1+strings.Count(oddXinetd, heldLine) || !strings.Contains(held, "\n\t{  \n"+heldMark+"foo, ") {
		t.Errorf("%d: %s", n, held)
	}
	other, n := holdAll(f, held, "inner", nil, true)
	if n != 1 {
		t.Errorf("%d: %s", n, other)
	}
	if alone, n := f.restore(other, "inner"); n != 1 || alone != held {
		t.Errorf("%d: %s", n, alone)
	}
	comment := heldComment("foo", "the next line")
	for what, row := range map[string]struct{ edited, want string }{
		"switched on":              {strings.Replace(held, comment+heldLine, comment+"\tdisable = no\n", 1), strings.Replace(oddXinetd, "\t{  \n", "\t{  \n\tdisable = no\n", 1)},
		"our line taken away":      {strings.Replace(held, comment+heldLine, comment, 1), oddXinetd},
		"our comment taken away":   {strings.Replace(held, comment, "", 1), strings.Replace(oddXinetd, "\t{  \n", "\t{  \n"+heldLine, 1)},
		"an attribute added":       {strings.Replace(held, "wait = no", "wait = no\n\tnice = 3", 1), strings.Replace(oddXinetd, "wait = no", "wait = no\n\tnice = 3", 1)},
		"another service before":   {"service new\n{\n}\n" + held, "service new\n{\n}\n" + oddXinetd},
		"all of it but the marks":  {comment + heldLine, ""},
		"a comment in their place": {comment + "# mine\n" + heldLine, "# mine\n" + heldLine},
	} {
		if got, n := f.restore(row.edited, "foo"); got != row.want || n > 1 {
			t.Errorf("%s: %d:\n%s\nwant\n%s", what, n, got, row.want)
		}
	}
	// Switched on above our line: it is on, and held off anew.
	on := strings.Replace(held, comment, "\tdisable = no\n"+comment, 1)
	again, n := holdAll(f, on, "foo", nil, true)
	if e := entriesOf(f.entries(again, true), "foo", nil)[0]; n != 1 || e.heldFor != "foo" {
		t.Errorf("%d: %+v", n, e)
	}
	if got, n := f.restore(again, "foo"); n != 2 || got != strings.Replace(oddXinetd, "\t{  \n", "\t{  \n\tdisable = no\n", 1) {
		t.Errorf("%d:\n%s", n, got)
	}
}

// What xinetd includes, and what its defaults switch off.
func TestXinetdFiles(t *testing.T) {
	dir := t.TempDir()
	put := func(path, content string) {
		t.Helper()
		path = filepath.Join(dir, path)
		must.Do(t, errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(strings.ReplaceAll(content, "DIR", dir)), 0o644)))
	}
	service := func(name string) string { return "service " + name + "\n{\n\tport = 1\n\tprotocol = tcp\n}\n" }
	put("conf", service("own")+"include DIR/more\ninclude DIR/nosuch\nincludedir DIR/d\nincludedir DIR/nosuch\ninclude\n")
	put("more", "defaults\n{\n\tbind = 127.0.0.3\n\tdisabled = a b\n\tdisabled += c\n\tdisabled -= b\n}\ninclude DIR/conf\n"+service("more")+"defaults\n{\n\tdisabled = own\n}\n")
	put("d/abc", service("a")+service("b")+service("c"))
	put("d/not.this", service("not"))
	put("d/nor~", service("not"))
	put("d/.hidden", service("not"))
	put("d/sub/deep", service("not"))
	put("elsewhere", service("linked"))
	must.Do(t, errors.Join(os.Symlink("../elsewhere", dir+"/d/link"), os.Symlink("nowhere", dir+"/d/dangling"), unix.Mkfifo(dir+"/d/fifo", 0o644)))
	on := func() (names []string) {
		t.Helper()
		x, err := readXinetd(dir + "/conf")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entriesIn(x.files, true) {
			if on, err := e.listens(); err != nil || len(on) != 1 || on[0].String() != "tcp 127.0.0.3:1" {
				t.Errorf("%+v: %v, %v", e, on, err)
			}
			if !e.off {
				names = append(names, e.service)
			}
		}
		return names
	}
	if got, want := on(), []string{"own", "more", "b", "linked"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	put("d/abc", "defaults\n{\n\tenabled = b c more\n}\n"+service("b")+service("c"))
	if got, want := on(), []string{"more", "b"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Every read has an end, and what is too much is no answer.
func TestXinetdLimits(t *testing.T) {
	dir := t.TempDir()
	must.Do(t, os.WriteFile(dir+"/long", make([]byte, confLimit+1), 0o644))
	if _, err := readXinetd(dir + "/long"); err == nil || !strings.Contains(err.Error(), "/long: it is longer than 1048576 bytes") {
		t.Errorf("%v", err)
	}
	must.Do(t, errors.Join(os.Mkdir(dir+"/d", 0o755), os.WriteFile(dir+"/conf", []byte("includedir "+dir+"/d"), 0o644)))
	for i := range confsLimit + 1 {
		must.Do(t, os.WriteFile(filepath.Join(dir, "d", strings.Repeat("x", 1+i%100)+string(rune('a'+i/100))), nil, 0o644))
	}
	if _, err := readXinetd(dir + "/conf"); err == nil || !strings.Contains(err.Error(), "/d: it has, or includes, more than 1000 files") {
		t.Errorf("%v", err)
	}
}

// FuzzXinetdConf: as FuzzInetdConf.
func FuzzXinetdConf(f *testing.F) {
	f.Add(oddXinetd, "foo", "")
	f.Add("service a\n{\nserver = /bin/b\n}", "a", "/bin/b")
	f.Add("service a\n{\n"+heldComment("b", "the next line")+heldLine+"}\nservice a\r\n{\r\n}\r\n", "a", "")
	f.Add("service a\n{\n"+heldLine+"disable = no\n}\nservice b\n{\n\tdisable = no\n"+heldComment("a", "x")+heldLine+"}\n", "b", "")
	f.Add("defaults\n{\n}\ndefaults\n{\nservice a\n{\n}\n}\n", "a", "")
	f.Fuzz(func(t *testing.T, content, name, daemon string) {
		holdsAndRestores(t, xinetdServices{}, content, name, daemon, true)
	})
}
