package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/testdata/need"
	"pidproof/testdata/waiting"
)

var foo = Registration{Name: "apache2-foo", Daemon: "/usr/sbin/apache2", Pidfile: "/run/apache2-foo/apache2.pid"}

func with(r Registration, change func(*Registration)) Registration {
	change(&r)
	return r
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	return string(text)
}

func entries(t *testing.T, dir string) string {
	t.Helper()
	found, err := os.ReadDir(dir)
	must(t, err)
	all := ""
	for _, e := range found {
		all += e.Name() + " "
	}
	return all
}

func TestAdd(t *testing.T) {
	dir := t.TempDir() + "/pidproof/instances.d"
	umask := unix.Umask(0o077)
	defer unix.Umask(umask)
	must(t, Add(dir, foo))
	const want = "# Read by pidproof(8), never executed.\nDAEMON=/usr/sbin/apache2\nPIDFILE=/run/apache2-foo/apache2.pid\n" +
		"#RESTART='invoke-rc.d apache2-foo restart'\n"
	if got := content(t, dir+"/apache2-foo"); got != want {
		t.Errorf("%q", got)
	}
	for path, mode := range map[string]fs.FileMode{dir + "/apache2-foo": 0o644, dir: 0o755 | fs.ModeDir, filepath.Dir(dir): 0o755 | fs.ModeDir} {
		if st, err := os.Stat(path); err != nil || st.Mode() != mode {
			t.Errorf("%s: %v, %v; want %v", path, st.Mode(), err, mode)
		}
	}
	bar := Registration{Name: "bar", Daemon: "/opt/a b/$d", Pidfile: "/run/~x.pid",
		Restart: []string{"sh", "-c", `kill -HUP "$(cat '/x y')" # now`, "", "#a", "b~c", "é\t\\"}}
	must(t, Add(dir, bar))
	found, wrong := Read(dir)
	foo := foo
	foo.File, foo.Restart, bar.File = dir+"/apache2-foo", defaultRestart("apache2-foo"), dir+"/bar"
	if len(wrong) > 0 || !reflect.DeepEqual(found, []Registration{foo, bar}) {
		t.Errorf("%+v, %v", found, wrong)
	}
}

// The directory above /etc/pidproof is never made: a misspelt one would be.
func TestAddMakesNoMoreThanTheParent(t *testing.T) {
	dir := t.TempDir()
	if err := Add(dir+"/a/b/c", foo); !errors.Is(err, fs.ErrNotExist) || entries(t, dir) != "" {
		t.Errorf("%v, left %s", err, entries(t, dir))
	}
}

func TestAddAgain(t *testing.T) {
	dir := t.TempDir()
	const byHand = "# mine\nPIDFILE=/var/run/apache2-foo/apache2.pid\n\nDAEMON='/usr/sbin/apache2'\nRESTART=\"invoke-rc.d  apache2-foo restart\"\n"
	put(t, dir+"/apache2-foo", byHand)
	before, err := os.Stat(dir)
	must(t, err)
	must(t, Add(dir, foo), Add(dir, with(foo, func(r *Registration) { r.Restart = defaultRestart(r.Name) })))
	after, err := os.Stat(dir)
	must(t, err)
	if content(t, dir+"/apache2-foo") != byHand || !after.ModTime().Equal(before.ModTime()) {
		t.Error("something was written")
	}
}

func TestAddTaken(t *testing.T) {
	dir := t.TempDir()
	must(t, Add(dir, foo), os.Symlink("nowhere", dir+"/dangling"), os.Mkdir(dir+"/directory", 0o755))
	put(t, dir+"/damaged", "PIDFILE=/run/other.pid\nDAEMON=$x\n")
	before := content(t, dir+"/apache2-foo")
	for why, change := range map[string]func(*Registration){
		"the name apache2-foo is taken: " + dir + "/apache2-foo says /usr/sbin/apache2 with /run/apache2-foo/apache2.pid, restarted by invoke-rc.d": func(r *Registration) { r.Daemon = "/usr/sbin/nginx" },
		"the name apache2-foo is taken: " + dir + "/apache2-foo says":                                                                               func(r *Registration) { r.Pidfile = "/run/other.pid" },
		"the name apache2-foo is taken: ": func(r *Registration) { r.Restart = []string{"other"} },
		"the pidfile /run/apache2-foo/apache2.pid is taken: it is registered as apache2-foo (" + dir: func(r *Registration) { r.Name = "bar" },
		"the pidfile /var/run/apache2-foo/apache2.pid is taken: it is registered as apache2-foo":     func(r *Registration) { r.Name, r.Pidfile = "bar", "/var/run/apache2-foo/apache2.pid" },
		"the name damaged is taken: " + dir + "/damaged is there, but is no sound registration":      func(r *Registration) { r.Name, r.Pidfile = "damaged", "/run/d.pid" },
		"the name dangling is taken: ":  func(r *Registration) { r.Name, r.Pidfile = "dangling", "/run/d.pid" },
		"the name directory is taken: ": func(r *Registration) { r.Name, r.Pidfile = "directory", "/run/d.pid" },
	} {
		err := Add(dir, with(foo, change))
		if !errors.Is(err, ErrTaken) || !strings.HasPrefix(err.Error(), why) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v\nwant %s", err, why)
		}
	}
	if content(t, dir+"/apache2-foo") != before || entries(t, dir) != "apache2-foo damaged dangling directory " {
		t.Errorf("changed: %s", entries(t, dir))
	}
	// Somebody else's damage is in nobody's way.
	must(t, Add(dir, with(foo, func(r *Registration) { r.Name, r.Pidfile = "bar", "/run/other.pid" })))
}

func TestAddRefuses(t *testing.T) {
	dir := t.TempDir() + "/d"
	for _, name := range []string{"", ".", "..", "../x", "a/b", "/absent/x", "a..b", ".hidden", "-p", "_x", "a b", "a\n", "é", "a\x00", "a\xff",
		"a~", "a.bak", "a.swp", "a.orig", "a.rej", "a.dpkg-old", "a.ucf-dist", strings.Repeat("a", 101)} {
		if err := Add(dir, with(foo, func(r *Registration) { r.Name = name })); !errors.Is(err, ErrName) {
			t.Errorf("added as %q: %v", name, err)
		}
		if err := Remove(dir, name); !errors.Is(err, ErrName) {
			t.Errorf("removed %q: %v", name, err)
		}
	}
	for why, change := range map[string]func(*Registration){
		"DAEMON is empty":              func(r *Registration) { r.Daemon = "" },
		"DAEMON is the relative path":  func(r *Registration) { r.Daemon = "apache2" },
		"DAEMON is \"/bin/\"":          func(r *Registration) { r.Daemon = "/bin/" },
		"DAEMON is \"/a\\nb\"":         func(r *Registration) { r.Daemon = "/a\nb" },
		"PIDFILE is empty":             func(r *Registration) { r.Pidfile = "" },
		"PIDFILE is the relative":      func(r *Registration) { r.Pidfile = "./x.pid" },
		"PIDFILE is \"/run/../x.pid\"": func(r *Registration) { r.Pidfile = "/run/../x.pid" },
		"PIDFILE is \"/\\xff\"":        func(r *Registration) { r.Pidfile = "/\xff" },
		"PIDFILE has 5000 bytes":       func(r *Registration) { r.Pidfile = "/" + strings.Repeat("x", 4999) },
		"RESTART is empty":             func(r *Registration) { r.Restart = []string{"", "x"} },
		"RESTART begins with \"A=1\"":  func(r *Registration) { r.Restart = []string{"A=1", "x"} },
		"RESTART is \"x a\\nb\"":       func(r *Registration) { r.Restart = []string{"x", "a\nb"} },
		"the program in RESTART is":    func(r *Registration) { r.Restart = []string{"./x"} },
		"RESTART is too long":          func(r *Registration) { r.Restart = []string{"x", strings.Repeat("'", 6000)} },
	} {
		if err := Add(dir, with(foo, change)); !errors.Is(err, ErrInvalid) || !strings.HasPrefix(err.Error(), "apache2-foo cannot be registered: "+why) {
			t.Errorf("%v, want %s", err, why)
		}
	}
	if _, err := os.Lstat(dir); err == nil {
		t.Errorf("left %s", entries(t, dir))
	}
}

// Many register at the same time: of those who want the same name, or the same
// pidfile, one wins.
func TestAddAtTheSameTime(t *testing.T) {
	for what, change := range map[string]func(r *Registration, i int){
		"one name":    func(r *Registration, i int) { r.Pidfile = fmt.Sprintf("/run/%d.pid", i) },
		"one pidfile": func(r *Registration, i int) { r.Name = fmt.Sprintf("n%d", i) },
	} {
		dir := t.TempDir() + "/d"
		const many = 30
		start, results := make(chan struct{}), make(chan error, many)
		for i := range many {
			go func() {
				<-start
				results <- Add(dir, with(foo, func(r *Registration) { change(r, i) }))
			}()
		}
		close(start)
		won := 0
		for range many {
			if err := <-results; err == nil {
				won++
			} else if !errors.Is(err, ErrTaken) {
				t.Error(err)
			}
		}
		if found, wrong := Read(dir); won != 1 || len(found) != 1 || len(wrong) != 0 {
			t.Errorf("%s: %d won; %s, %v", what, won, names(found), wrong)
		}
	}
}

func TestLockedForEver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	other, err := os.Open(dir)
	must(t, err)
	defer other.Close()
	must(t, unix.Flock(int(other.Fd()), unix.LOCK_SH))
	added := make(chan error, 1)
	go func() { added <- Add(dir, foo) }()
	select {
	case err := <-added:
		if err == nil || !strings.HasPrefix(err.Error(), dir+" is locked for more than 5s") {
			t.Error(err)
		}
	case <-time.After(waiting.Limit):
		t.Error("it waits for ever")
	}
}

func TestAddOnAFullDisk(t *testing.T) {
	need.Root(t)
	dir := t.TempDir()
	must(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=16k,mode=0755"))
	defer func() { must(t, unix.Unmount(dir, unix.MNT_DETACH)) }()
	must(t, Add(dir, foo))
	before := content(t, dir+"/apache2-foo")
	if err := os.WriteFile(dir+"/.full", make([]byte, 1<<20), 0o644); !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	err := Add(dir, with(foo, func(r *Registration) { r.Name, r.Pidfile = "bar", "/run/bar.pid" }))
	if !errors.Is(err, unix.ENOSPC) || !strings.HasPrefix(err.Error(), dir+"/bar not written: ") {
		t.Error(err)
	}
	if content(t, dir+"/apache2-foo") != before || entries(t, dir) != ".full apache2-foo " {
		t.Errorf("left %s", entries(t, dir))
	}
}
