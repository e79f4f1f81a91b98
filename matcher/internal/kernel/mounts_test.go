package kernel

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const mountinfoExample = `21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
36 21 0:30 / /mnt/with\040blank rw - fuse.sshfs host:/x rw
37 21 0:31 / /net/home rw master:1 - nfs4 a - b:/home rw,vers=4.2
38 37 0:32 / /net/home/local rw - tmpfs none rw
garbage
39 21 0:33 / /back\134slash rw - cifs //s rw
40 21 0:34 / /moved/over rw - 9p x rw
39 40 0:35 / /moved/over rw - tmpfs none rw
`

func TestParseMountinfo(t *testing.T) {
	got := servedAmong(lines([]byte(mountinfoExample), parseMount))
	for dir, want := range map[string]string{
		"/mnt/with blank": "fuse.sshfs", "/net/home": "nfs4", `/back\slash`: "cifs", "/moved/over": "9p",
	} {
		if got[dir] != want {
			t.Errorf("%s: got %q, want %q", dir, got[dir], want)
		}
	}
	if len(got) != 4 {
		t.Errorf("got %d mounts: %v", len(got), got)
	}
}

func FuzzParseMountinfo(f *testing.F) {
	f.Add([]byte(mountinfoExample))
	f.Add([]byte(`1 1 0:1 / /\04 rw - x`))
	f.Fuzz(func(t *testing.T, content []byte) {
		for dir := range servedAmong(lines(content, parseMount)) {
			if strings.ContainsAny(dir, " ") && !strings.Contains(string(content), `\`) {
				t.Fatalf("a blank in %q", dir)
			}
		}
	})
}

func TestMayHang(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	for name, target := range map[string]string{"link": "net/x", "loop": "loop", "abs": dir + "/net", "up": "a/../net/x"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	slow := map[string]string{dir + "/net": "nfs"}
	for path, want := range map[string]bool{
		dir + "/net":         true,
		dir + "/net/x/y":     true,
		dir + "/network":     false,
		dir + "/ram/x":       false,
		link:                 true,
		link + "/y":          true,
		dir + "/abs/y":       true,
		dir + "/up":          true,
		dir + "/loop/y":      false,
		dir + "/net/../ram":  true, // the walk goes through it
		dir + "/ram/../net/": true,
		"/":                  false,
		"":                   false,
	} {
		if where, got := mayHang(slow, []string{path}); got != want {
			t.Errorf("%s: got %v (%s), want %v", path, got, where, want)
		}
	}
	if _, got := mayHang(map[string]string{"/": "nfs4"}, []string{"/usr/sbin/d"}); !got {
		t.Error("a root file system behind a server was not noticed")
	}
}

func TestHidepid(t *testing.T) {
	line := "22 21 0:20 / /proc rw,nosuid - proc proc "
	over := "20 22 0:21 / /proc rw,nosuid - proc proc "
	for content, want := range map[string]bool{
		line + "rw":                                       false,
		line + "rw,hidepid=invisible":                     true,
		line + "rw,hidepid=2,gid=4":                       true,
		line + "rw,hidepid=0":                             false,
		line + "rw,hidepid=off":                           false,
		line + "rw,hidepid=2\n" + over + "rw":             false,
		over + "rw\n" + line + "rw,hidepid=2":             false, // listed by ID, not by order
		line + "rw\n" + over + "rw,hidepid=2":             true,
		over + "rw,hidepid=2\n" + line + "rw":             true,
		"23 21 0:21 / /other rw - proc proc rw,hidepid=4": false,
		"garbage": false,
	} {
		if got := hidesIn(content, "/proc"); got != want {
			t.Errorf("%q: got %v", content, got)
		}
	}
}

func FuzzHidepid(f *testing.F) {
	f.Add([]byte(mountinfoExample))
	f.Fuzz(func(t *testing.T, content []byte) { hidesIn(string(content), "/proc") })
}

func hidesIn(mountinfo, dir string) bool {
	option := hidepid{dir: dir}
	for line := range strings.Lines(mountinfo) {
		option.add([]byte(line))
	}
	return option.applies()
}
