package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/testdata/need"
)

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, path, content string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(content), 0o644))
}

// sound is a registration's file.
func sound(name string) string { return "DAEMON=/usr/sbin/d\nPIDFILE=/run/" + name + ".pid\n" }

func names(found []Registration) string {
	all := ""
	for _, r := range found {
		all += r.Name + " "
	}
	return all
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	put(t, dir+"/apache2-foo", `# Read by pidproof(8), never executed.
DAEMON=/usr/sbin/apache2
PIDFILE='/run/apache2-foo/apache2.pid' # a comment

RESTART='service "apache2 foo" restart'
`)
	put(t, dir+"/a+b_c@1.2", sound("a"))
	must(t, os.Mkdir(dir+"/elsewhere.bak", 0o755))
	put(t, dir+"/elsewhere.bak/x", sound("x"))
	must(t, os.Symlink("elsewhere.bak/x", dir+"/link"))
	silent := ".hidden .x.1234 a~ a.bak a.swp a.orig a.rej a.dpkg-old a.dpkg-new a.ucf-dist"
	for _, name := range strings.Fields(silent) {
		put(t, dir+"/"+name, "$(damaged)")
	}
	found, wrong := Read(dir)
	want := []Registration{
		{"a+b_c@1.2", "/usr/sbin/d", "/run/a.pid", []string{"invoke-rc.d", "a+b_c@1.2", "restart"}, dir + "/a+b_c@1.2"},
		{"apache2-foo", "/usr/sbin/apache2", "/run/apache2-foo/apache2.pid", []string{"service", "apache2 foo", "restart"}, dir + "/apache2-foo"},
		{"link", "/usr/sbin/d", "/run/x.pid", []string{"invoke-rc.d", "link", "restart"}, dir + "/link"},
	}
	if len(wrong) > 0 || !reflect.DeepEqual(found, want) {
		t.Errorf("%+v\n%v", found, wrong)
	}
	if command := found[1].Command(); command != "service 'apache2 foo' restart" {
		t.Error(command)
	}
}

func TestReadNothing(t *testing.T) {
	for _, dir := range []string{t.TempDir(), t.TempDir() + "/absent", t.TempDir() + "/absent/too"} {
		if found, wrong := Read(dir); len(found) > 0 || len(wrong) > 0 {
			t.Errorf("%s: %v, %v", dir, found, wrong)
		}
	}
}

// Each is one bad file beside a sound one, which is read nevertheless.
func TestReadSkipsWhatIsBad(t *testing.T) {
	const d, p = "DAEMON=/usr/sbin/d\n", "PIDFILE=/run/x.pid\n"
	for name, c := range map[string]struct{ content, why string }{
		"empty":             {"", "@: DAEMON is missing: add a line DAEMON=PATH|@: PIDFILE is missing"},
		"no daemon":         {p, "@: DAEMON is missing"},
		"no pidfile":        {d, "@: PIDFILE is missing"},
		"empty daemon":      {"DAEMON=\n" + p, "@:1: DAEMON is empty"},
		"empty pidfile":     {d + "PIDFILE=''\n", "@:2: PIDFILE is empty"},
		"relative daemon":   {"DAEMON=apache2\n" + p, `@:1: DAEMON is the relative path "apache2": write an absolute one`},
		"relative pidfile":  {d + "\nPIDFILE=run/x.pid\n", `@:3: PIDFILE is the relative path "run/x.pid"`},
		"both relative":     {"DAEMON=d\nPIDFILE=x\n", "@:1: DAEMON is|@:2: PIDFILE is"},
		"directory":         {d + "PIDFILE=/run/\n", "@:2: PIDFILE is \"/run/\", a directory"},
		"dot dot":           {d + "PIDFILE=/run/../x.pid\n", "@:2: PIDFILE is \"/run/../x.pid\": write it without \"..\""},
		"long":              {d + "PIDFILE=/" + strings.Repeat("x", 4095) + "\n", "@:2: PIDFILE has 4096 bytes"},
		"tab is fine":       {d + "PIDFILE='/run/a\tb'\n", ""},
		"unknown":           {d + p + "\nUSER=root\n", "@:4: USER means nothing here"},
		"lower case":        {d + p + "restart=x\n", "@:3: restart means nothing here"},
		"twice":             {d + p + d, "@:3: DAEMON is set in line 1 already"},
		"expansion":         {d + "PIDFILE=$RUN/x.pid\n", "@:2: an unquoted $"},
		"in double quotes":  {d + "PIDFILE=\"$RUN/x.pid\"\n", "@:2: a shell would expand $"},
		"backtick":          {d + "PIDFILE=`id`\n", "@:2: an unquoted `"},
		"operator":          {d + p + "RESTART=a;b\n", "@:3: an unquoted ;"},
		"two words":         {d + p + "RESTART=service x restart\n", "@:3: something follows the value of RESTART"},
		"operator within":   {d + p + "RESTART='a && b'\n", "@:3: the command in RESTART: an unquoted &"},
		"expansion within":  {d + p + "RESTART='a $b'\n", "@:3: the command in RESTART: an unquoted $"},
		"variable within":   {d + p + "RESTART='A=1 b'\n", `@:3: RESTART begins with "A=1"`},
		"comment within":    {d + p + "RESTART='a # b'\n", "@:3: the command in RESTART: a word begins with #"},
		"not closed within": {d + p + "RESTART='a \"b'\n", "@:3: the command in RESTART: a \" is not closed"},
		"empty restart":     {d + p + "RESTART=\n", "@:3: RESTART is empty"},
		"blank restart":     {d + p + "RESTART=' '\n", "@:3: RESTART is empty"},
		"empty program":     {d + p + "RESTART=\"'' a\"\n", "@:3: RESTART is empty"},
		"relative program":  {d + p + "RESTART=./a\n", `@:3: the program in RESTART is the relative path "./a"`},
		"CR LF":             {"DAEMON=/usr/sbin/d\r\n" + p, "@:1: it ends in CR LF"},
		"command":           {d + p + "export RESTART=a\n", `@:3: "export" is a command`},
		"binary":            {"\x7fELF\x02\x00", "@:1: it holds the control character U+007F"},
		"latin-1":           {"# M\xfcller\n" + d + p, "@:1: it holds bytes that are no UTF-8"},
		"too large":         {d + p + strings.Repeat("#\n", 1<<15), "@ is larger than 64 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir+"/bad", c.content)
			put(t, dir+"/good", sound("good"))
			found, wrong := Read(dir)
			if c.why == "" {
				if len(wrong) > 0 || names(found) != "bad good " {
					t.Errorf("%s: %v", names(found), wrong)
				}
				return
			}
			if names(found) != "good " {
				t.Errorf("found %s", names(found))
			}
			want := strings.Split(strings.ReplaceAll(c.why, "@", dir+"/bad"), "|")
			for i := range max(len(want), len(wrong)) {
				if i >= len(want) || i >= len(wrong) || !strings.HasPrefix(wrong[i].Error(), want[i]) {
					t.Fatalf("%v\nwant %q", wrong, want)
				}
			}
		})
	}
}

func TestReadSkipsBadNamesAndKinds(t *testing.T) {
	dir := t.TempDir()
	put(t, dir+"/good", sound("good"))
	long := strings.Repeat("x", nameLimit+1)
	bad := map[string]string{
		"a b": "write letters, digits", "-a": "begin it with a letter", "_a": "begin it", "a..b": `holds ".."`, "ä": "write letters",
		"a;b": "write letters", "a\nb": "write letters", "a\xff": "write letters", long: "longer than 100 bytes",
	}
	for name := range bad {
		put(t, dir+"/"+name, sound("bad"))
	}
	must(t, os.Mkdir(dir+"/dir", 0o755), unix.Mkfifo(dir+"/fifo", 0o644), os.Symlink("nowhere", dir+"/dangling"))
	bad["dir"], bad["fifo"], bad["dangling"] = "is no regular file", "is no regular file", "symbolic link to nowhere"
	found, wrong := Read(dir)
	if names(found) != "good " || len(wrong) != len(bad) {
		t.Errorf("%s: %v", names(found), wrong)
	}
	for name, why := range bad {
		said := false
		for _, err := range wrong {
			said = said || strings.HasPrefix(err.Error(), dir+"/"+name) && strings.Contains(err.Error(), why)
		}
		if !said {
			t.Errorf("%q: nobody said %q", name, why)
		}
	}
}

func TestReadOnePidfileTwice(t *testing.T) {
	dir, run := t.TempDir(), t.TempDir()
	must(t, os.Mkdir(run+"/run", 0o755), os.Mkdir(run+"/var", 0o755), os.Symlink("../run", run+"/var/run"))
	register := func(name, pidfile string) { put(t, dir+"/"+name, "DAEMON=/usr/sbin/d\nPIDFILE="+run+pidfile+"\n") }
	register("a", "/var/run/x.pid") // absent, as of an instance that is stopped
	register("b", "/run/x.pid")
	register("c", "/run/not/yet/y.pid")
	register("d", "/var/run/./not//yet/y.pid")
	register("e", "/run/z.pid")
	found, wrong := Read(dir)
	if names(found) != "a c e " || len(wrong) != 2 {
		t.Errorf("%s: %v", names(found), wrong)
	}
	if want := fmt.Sprintf("%s/b:2: PIDFILE %s/run/x.pid is that of %s/a already: remove or change one", dir, run, dir); !strings.HasPrefix(wrong[0].Error(), want) {
		t.Errorf("%v, want %s", wrong[0], want)
	}
	if !SamePidfile("/var/run/x.pid", "/run/x.pid") {
		t.Error("/var/run is not /run here")
	}
}

func TestReadRefusesTheDirectory(t *testing.T) {
	parent := t.TempDir()
	dir := parent + "/d"
	must(t, os.Mkdir(dir, 0o755), os.Symlink("nowhere", parent+"/dangling"))
	put(t, dir+"/good", sound("good"))
	refused := func(dir, why string) {
		t.Helper()
		if found, wrong := Read(dir); len(found) > 0 || len(wrong) != 1 || !strings.Contains(wrong[0].Error(), why) {
			t.Errorf("%s: %v; want one error: %s", names(found), wrong, why)
		}
	}
	refused(dir+"/good", "not a directory")
	refused(parent+"/dangling", "symbolic link to nowhere, which does not exist")
	must(t, os.Chmod(dir, 0o775))
	refused(dir, "(mode 0775): chmod go-w "+dir)
	must(t, os.Chmod(dir, 0o777|fs.ModeSticky))
	refused(dir, "written by everyone (mode 0777)")
	must(t, os.Chmod(dir, 0o755), os.Chmod(dir+"/good", 0o666))
	refused(dir, dir+"/good can be written by everyone")
	must(t, os.Chmod(dir+"/good", 0o644))
	for i := range filesLimit {
		put(t, fmt.Sprintf("%s/f%d", dir, i), "")
	}
	refused(dir, "more than 4096 files")
}

func TestOwners(t *testing.T) {
	need.Root(t)
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o755))
	for _, name := range []string{"roots", "users", "hidden"} {
		put(t, dir+"/"+name, sound(name))
	}
	must(t, os.Chown(dir+"/users", 1234, 0), os.Chmod(dir+"/hidden", 0o600))
	if found, wrong := Read(dir); names(found) != "hidden roots " || len(wrong) != 1 || !strings.Contains(wrong[0].Error(), "uid 1234's") {
		t.Errorf("root: %s, %v", names(found), wrong)
	}
	asUser(t, 1234, func() {
		if found, wrong := Read(dir); names(found) != "roots users " || len(wrong) != 1 || !errors.Is(wrong[0], fs.ErrPermission) {
			t.Errorf("a user: %s, %v", names(found), wrong)
		}
		err := Add(dir, Registration{Name: "new", Daemon: "/d", Pidfile: "/run/new.pid"})
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("a user registers: %v", err)
		}
		if err := Remove(dir, "roots"); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("a user unregisters: %v", err)
		}
	})
	must(t, os.Chmod(dir, 0o711))
	asUser(t, 1234, func() {
		if found, wrong := Read(dir); len(found) > 0 || len(wrong) != 1 || !errors.Is(wrong[0], fs.ErrPermission) {
			t.Errorf("unreadable: %s, %v", names(found), wrong)
		}
	})
	must(t, os.Chown(dir, 1234, 1234), os.Chmod(dir, 0o755))
	if found, wrong := Read(dir); len(found) > 0 || len(wrong) != 1 || !strings.Contains(wrong[0].Error(), "uid 1234's, who could write anything: chown root "+dir) {
		t.Errorf("a user's directory: %s, %v", names(found), wrong)
	}
	for what, err := range map[string]error{
		"add":    Add(dir, Registration{Name: "new", Daemon: "/d", Pidfile: "/run/new.pid"}),
		"remove": Remove(dir, "roots"),
	} {
		if err == nil || !strings.Contains(err.Error(), "uid 1234's") {
			t.Errorf("%s in a user's directory: %v", what, err)
		}
	}
}

// asUser runs with another uid and no privileges, on this thread alone.
func asUser(t *testing.T, uid int, do func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		defer close(done)
		runtime.LockOSThread() // for ever: the thread ends with the goroutine, and the uid with it
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
			done <- errno
			return
		}
		do()
	}()
	must(t, <-done)
}

// A user's own link at his pidfile must not have root's registration refused as a second
// one for the same pidfile.
func TestAnothersLink(t *testing.T) {
	need.Root(t)
	run := t.TempDir()
	link := run + "/user.pid"
	must(t, os.Symlink("root.pid", link))
	if !SamePidfile(link, run+"/root.pid") {
		t.Error("root's link is not followed")
	}
	must(t, os.Lchown(link, 65533, 65533))
	if SamePidfile(link, run+"/root.pid") {
		t.Error("uid 65533's link is followed")
	}
}
