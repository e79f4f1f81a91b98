package ondemand

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestProgramOf(t *testing.T) {
	for text, want := range map[string]string{
		"{ path=/usr/sbin/foo ; argv[]=/usr/sbin/foo -D ; ignore_errors=no ; start_time=[n/a] }": "/usr/sbin/foo",
		"{ path=/opt/a b ; argv[]=x path=/y ; }":                                                 "/opt/a b",
		"{ path=/a ; argv[]=/a ; } { path=/b ; argv[]=/b ; }":                                    "/a",
		"": "", "{ argv[]=x }": "",
	} {
		if got := programOf(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestUnitOf(t *testing.T) {
	shown := parseShow(`MainPID=42
ExecMainStartTimestampMonotonic=123456
ExecStart={ path=/usr/sbin/foo ; argv[]=/usr/sbin/foo A=B ; ignore_errors=no }
ControlGroup=/system.slice/foo.service
Id=foo.service
Names=foo.service bar.service
DropInPaths=/run/systemd/system/foo.service.d/a.conf "/etc/x\x5cy.conf"
TriggeredBy=foo.socket foo.timer
LoadState=loaded
ActiveState=active
SourcePath=/etc/init.d/foo
`)
	want := Unit{
		ID: "foo.service", Names: []string{"foo.service", "bar.service"}, Load: "loaded", Active: "active",
		Source:  "/etc/init.d/foo",
		Program: "/usr/sbin/foo", Cgroup: "/system.slice/foo.service", MainPID: 42, Started: 123456,
		DropIns: []string{"/run/systemd/system/foo.service.d/a.conf", `/etc/x\y.conf`}, Activators: []string{"foo.socket", "foo.timer"},
	}
	if got := unitOf(shown[0]); !reflect.DeepEqual(got, want) || got.Native() || !got.Runs() || got.Absent() {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	none := unitOf(parseShow("Id=x.service\nLoadState=not-found\nActiveState=inactive\nMainPID=0\nSourcePath=\n")[0])
	if none.Runs() || !none.Absent() || !none.Native() || none.MainPID != 0 || none.Started != 0 {
		t.Errorf("%+v", none)
	}
	for state, runs := range map[string]bool{"active": true, "activating": true, "deactivating": true,
		"reloading": true, "failed": false} {
		if got := (Unit{Active: state}).Runs(); got != runs {
			t.Errorf("%s: %v", state, got)
		}
	}
}

func TestParseShow(t *testing.T) {
	got := parseShow("Id=a.socket\nListen=/run/a (Stream)\nListen=[::]:80 (Stream)\nTriggers=\n\nId=b.path\nX\nY=1=2\n")
	want := []properties{
		{"Id": {"a.socket"}, "Listen": {"/run/a (Stream)", "[::]:80 (Stream)"}, "Triggers": {""}},
		{"Id": {"b.path"}, "Y": {"1=2"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v\nwant %v", got, want)
	}
}

// FuzzShow: units that are printed as systemctl does are read as they were, and no
// text makes it panic.
func FuzzShow(f *testing.F) {
	f.Add("Id=a\n\nId=b\n", "Id", "a=b", uint8(3))
	f.Add("\n\n\n=\n\r\n", "X", "", uint8(1))
	f.Fuzz(func(t *testing.T, text, name, value string, units uint8) {
		for _, p := range parseShow(text) {
			unit := unitOf(p)
			(&Service{Unit: &unit}).triggerOf(p)
		}
		if units == 0 || strings.ContainsAny(name, "=\n") || strings.ContainsAny(value, "\n") {
			return
		}
		printed := strings.Repeat(name+"="+value+"\n"+name+"=2nd\n\n", int(units)-1) + name + "=" + value + "\n"
		got := parseShow(printed)
		if len(got) != int(units) || got[units-1].get(name) != value || units > 1 && got[0].get(name) != value+" 2nd" {
			t.Fatalf("%q: %v", printed, got)
		}
	})
}

// Which units are triggers of foo.service, also called bar.service, and of its part.
func TestTriggerOf(t *testing.T) {
	unit := Unit{ID: "foo.service", Names: []string{"foo.service", "bar.service"}}
	foo := []string{"foo.service"}
	for text, want := range map[string]*Trigger{
		"Id=x.socket\nLoadState=loaded\nActiveState=active\nSubState=listening\nTriggers=bar.service\nListen=@x (Stream)\nListen=/f (FIFO)": {
			Kind: Socket, Name: "x.socket", State: "listening", Active: true, stops: true, starts: foo,
			Listens: []Address{{Kind: "unix", Path: "@x"}},
		},
		"Id=foo.timer\nLoadState=loaded\nActiveState=failed\nSubState=failed\nTriggers=foo.service\nTransient=no": {
			Kind: Timer, Name: "foo.timer", State: "failed", stops: true, starts: foo,
		},
		"Id=run-u1.timer\nLoadState=loaded\nActiveState=active\nSubState=waiting\nTriggers=foo@a.service\nTransient=yes": {
			Kind: Timer, Name: "run-u1.timer", State: "waiting", Active: true, starts: []string{"foo@a.service"},
		},
		"Id=foo.socket\nLoadState=loaded\nActiveState=activating\nSubState=s\nAccept=yes\nTriggers=": {
			Kind: Socket, Name: "foo.socket", State: "s", Active: true, stops: true, accepts: true,
		},
		"Id=x.socket\nLoadState=loaded\nActiveState=active\nTriggers=foo.service\nRequiredBy=foo.service\nWantedBy=sockets.target": {
			Kind: Socket, Name: "x.socket", Active: true, stops: true, starts: foo,
		},
		"Id=x.socket\nLoadState=loaded\nActiveState=active\nTriggers=foo.service\nRequiredBy=foo.service user.service": {
			Kind: Socket, Name: "x.socket", Active: true, stops: true, wanted: true, starts: foo,
		},
		"Id=fo.socket\nLoadState=loaded\nActiveState=active\nAccept=yes\nTriggers=":                 nil,
		"Id=x.socket\nLoadState=loaded\nActiveState=active\nTriggers=foobar.service":                nil,
		"Id=x.path\nLoadState=masked\nActiveState=active\nTriggers=foo.service":                     nil,
		"Id=foo.socket\nLoadState=not-found\nActiveState=inactive\nTriggers=foo.service\nAccept=no": nil,
		"": nil,
	} {
		s := Service{Name: "foo", Unit: &unit, parts: []Unit{{ID: "foo@a.service", Names: []string{"foo@a.service"}}}}
		got, is := s.triggerOf(parseShow(text)[0])
		is = is && (len(got.starts) > 0 || got.accepts)
		if is != (want != nil) || is && !reflect.DeepEqual(got, *want) {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

func TestMoment(t *testing.T) {
	const tick = 20 * time.Millisecond // of the clock that counts from the boot
	before, now, after := time.Now().Add(-tick), Now(), time.Now().Add(tick)
	if now == 0 || now.Time().Before(before) || now.Time().After(after) ||
		(now - 3_000_000).Time().Before(before.Add(-3*time.Second)) || (now - 3_000_000).Time().After(after.Add(-3*time.Second)) {
		t.Errorf("%d is %v", now, now.Time())
	}
}

func TestReadBusService(t *testing.T) {
	for content, want := range map[string][2]string{
		"[D-BUS Service]\nName=org.foo\nExec=/bin/false\nSystemdService=foo.service\nUser=root\n": {"org.foo",
			"foo.service"},
		" Name = org.foo \r\nSystemdService\t=\tdbus-org.foo.service\n": {"org.foo",
			"dbus-org.foo.service"},
		"Name=org.foo\nExec=/usr/sbin/foo --x=y\n": {"org.foo", ""},
		"#Name=a\nXName=b\nName[de]=c\n":           {"", ""},
		"":                                         {"", ""},
	} {
		if name, unit, err := readBusService(written(t, content)); err != nil || [2]string{name, unit} != want {
			t.Errorf("%q: %q, %q, want %q", content, name, unit, want)
		}
	}
	if name, unit, err := readBusService("/nosuch/org.foo.service"); err != nil || name+unit != "" {
		t.Errorf("%q, %q", name, unit)
	}
}
