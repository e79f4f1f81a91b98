package ondemand

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestKindOf(t *testing.T) {
	for unit, want := range map[string]Kind{
		"a.socket": Socket, "a.b.path": Path, `a\x2db@1.timer`: Timer,
		"a.service": "", "a": "", "": "", ".": "", "socket": "", "a.Socket": "", "a.socket ": "", "a.socketx": "",
		"a.dbus": "", "a.inetd": "",
		"-a.socket": "", "--force.socket": "", "a/b.socket": "", "/.socket": "",
	} {
		if got := kindOf(unit); got != want {
			t.Errorf("%q: %q, want %q", unit, got, want)
		}
	}
}

func TestParseRecord(t *testing.T) {
	for content, why := range map[string]string{
		"": "unexpected end", "{": "unexpected end", "null": "schema 0 is unknown", "[]": "cannot unmarshal",
		"{}":           "schema 0 is unknown",
		`{"schema":2}`: "schema 2 is unknown", `{"schema":1} x`: "invalid character", `{"schema":"1"}`: "cannot unmarshal",
		`{"schema":1,"units":["a.service"]}`:          `"a.service" is no trigger`,
		`{"schema":1,"units":["a.socket","-x.path"]}`: `"-x.path" is no trigger`,
		`{"schema":1,"units":["../a.socket"]}`:        `"../a.socket" is no trigger`,
		`{"schema":1,"held":["../a.service"]}`:        `"../a.service" is no unit`,
		`{"schema":1,"bound":["a.service","-b"]}`:     `"-b" is no unit`,
		`{"schema":1,"on_demand":-1}`:                 "cannot unmarshal",
		`{"schema":1,"inetd":1}`:                      "cannot unmarshal",
		`{"schema":1,"named":["a.service"]}`:          `"a.service" is no trigger`,
		`{"schema":1,"packages":["a","-b"]}`:          `"-b" is no package`,
	} {
		if r, err := parseRecord([]byte(content)); r != nil || err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %+v, %v, want: %s", content, r, err, why)
		}
	}
}

// FuzzRecord: what can be read is read back the same once it is written, and names no
// unit that systemctl would take for an option or a path.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"schema":1,"service":"a","units":["a.socket","b.path"],"inetd":true,"on_demand":18446744073709551615}`))
	f.Add([]byte(`{"schema":1,"service":"a","units":null}`))
	f.Add([]byte(`{"schema":1,"service":"a","held":["a.service","a@\\x2d.service"],"bound":[]}`))
	f.Add([]byte(`{"schema":1,"held":["/a"],"bound":["x/../y"]}`))
	f.Add([]byte(`{"schema":1,"service":"a","named":["a.socket"],"packages":["a:amd64","lib++-x.y"]}`))
	f.Add([]byte(`{"SCHEMA":1,"service":"b","units":["\ud800.path"]}`))
	f.Add([]byte(`{"schema":1,"units":["-.socket"]}`))
	f.Add([]byte(`{"schema":1,"units":["\u002fa.timer"]}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		r, err := parseRecord(content)
		if err != nil {
			return
		}
		for _, unit := range r.Units {
			if strings.Contains(unit, "/") || strings.HasPrefix(unit, "-") || filepath.Ext(unit) == ".service" {
				t.Fatalf("%q was accepted", unit)
			}
		}
		for _, unit := range append(slices.Clone(r.Held), r.Bound...) {
			if strings.Contains(unit, "/") || strings.HasPrefix(unit, "-") {
				t.Fatalf("%q was accepted", unit)
			}
		}
		written, err := r.content() // not to a file: workers would share it
		if err != nil {
			t.Fatal(err)
		}
		if again, err := parseRecord(written); err != nil || !reflect.DeepEqual(again, r) {
			t.Fatalf("%+v\nread back: %+v, %v", r, again, err)
		}
	})
}

func TestReadRecord(t *testing.T) {
	emptyDir(t)
	if r, err := ReadRecord("foo"); r != nil || err != nil {
		t.Errorf("absent: %+v, %v", r, err)
	}
	path, sound := Dir+"/foo", `{"schema":1,"service":"foo","units":["foo.socket"],"inetd":false,"on_demand":5}`
	put := func(content string) error { return os.WriteFile(path, []byte(content), 0o600) }
	if err := put(sound); err != nil {
		t.Fatal(err)
	}
	if r, err := ReadRecord("foo"); err != nil || !reflect.DeepEqual(r, &Record{Schema: 1, Service: "foo",
		Units: []string{"foo.socket"}, OnDemand: 5}) {
		t.Errorf("sound: %+v, %v", r, err)
	}
	elsewhere := written(t, sound)
	for _, row := range []struct {
		why    string
		damage func() error
	}{
		{"foo is no record: remove it", func() error { return os.Symlink(elsewhere, path) }},
		{"foo is no record: remove it", func() error { return unix.Mkfifo(path, 0o600) }},
		{"foo is no record: remove it", func() error { return os.Mkdir(path, 0o700) }},
		{"foo is no record: remove it", func() error { return put(sound + strings.Repeat(" ", 1<<16)) }},
		{"foo is no record: it is uid 65534's, who could write anything; remove it", func() error { return errors.Join(put(sound), os.Chown(path, 65534, 0)) }},
		{"by everyone (mode 0666)", func() error { return errors.Join(put(sound), os.Chmod(path, 0o666)) }},
		{"by the group with gid 0", func() error { return errors.Join(put(sound), os.Chmod(path, 0o660)) }},
		{"it is one of bar; remove it", func() error { return put(strings.Replace(sound, "foo", "bar", 1)) }},
		{"pidproof triggers foo", func() error { return put("") }},
		{"invalid character 'x'", func() error { return put("x") }},
		{"schema 7 is unknown; remove it", func() error { return put(`{"schema":7,"service":"foo"}`) }},
		{`"foo.service" is no trigger; remove it`, func() error {
			return put(strings.Replace(sound, "foo.socket",
				"foo.service", 1))
		}},
	} {
		if err := errors.Join(os.RemoveAll(path), row.damage()); err != nil {
			t.Fatal(err)
		}
		r, err := ReadRecord("foo")
		if r != nil || !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path) ||
			!strings.Contains(err.Error(), row.why) {
			t.Errorf("%+v, %v, want %s: %s", r, err, path, row.why)
		}
	}
}

// A record that could not be written leaves the old one.
func TestWriteRecordOnFullDisk(t *testing.T) {
	emptyDir(t)
	if err := unix.Mount("tmpfs", "/run/pidproof", "tmpfs", 0, "size=64k,mode=0755"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount("/run/pidproof", unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	old := Record{Service: "foo", Units: []string{"foo.socket"}}
	if err := old.write(); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(Dir + "/foo"); err != nil || st.Mode() != 0o600 {
		t.Errorf("%v, %v, want mode 0600", st.Mode(), err)
	}
	before, err := os.ReadFile(Dir + "/foo")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("/run/pidproof/full", make([]byte, 1<<16), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("it is not full: %v", err)
	}
	err = Record{Service: "foo", Units: []string{"bar.socket"}}.write()
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), Dir+"/foo not written") {
		t.Errorf("%v", err)
	}
	after, err := os.ReadFile(Dir + "/foo")
	if err != nil || string(after) != string(before) {
		t.Errorf("%q, %v, want %q", after, err, before)
	}
	if entries, err := os.ReadDir(Dir); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v: something is left over", entries, err)
	}
	if err := old.Forget(); err != nil { // what is full can be emptied
		t.Error(err)
	}
	if err := old.Forget(); err != nil { // it is gone already
		t.Error(err)
	}
}

// Where others may put records, none are written.
func TestRecordDirOfOthers(t *testing.T) {
	emptyDir(t)
	for _, dir := range []string{Dir, "/run/pidproof"} {
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := (Record{Service: "foo"}).write(); err == nil || !strings.Contains(err.Error(),
			dir+" can be written by everyone") {
			t.Errorf("%v", err)
		}
		if _, err := lock(t.Context(), "x"); err == nil {
			t.Errorf("%s: locked", dir)
		}
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.RemoveAll("/run/pidproof"), os.WriteFile("/run/pidproof", nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := (Record{Service: "foo"}).write(); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("%v", err)
	}
}

// The second waits for the first, and not for ever.
func TestLock(t *testing.T) {
	emptyDir(t)
	unlock, err := lock(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithTimeout(t.Context(), 3*standingTick)
	defer cancel()
	if _, err := lock(over, "x"); !errors.Is(err, ErrNoAnswer) || over.Err() == nil {
		t.Errorf("%v", err)
	}
	type got struct {
		unlock func()
		err    error
	}
	second := make(chan got)
	go func() {
		unlock, err := lock(context.Background(), "x")
		second <- got{unlock, err}
	}()
	select {
	case <-second:
		t.Error("two have it")
	case <-time.After(3 * standingTick):
		unlock()
		if g := <-second; g.err != nil {
			t.Error(g.err)
		} else {
			g.unlock()
		}
	}
}
