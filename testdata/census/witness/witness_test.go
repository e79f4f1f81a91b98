package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pidproof/testdata/census"
)

func TestParseSocket(t *testing.T) {
	services["111"] = true
	for line, want := range map[string]string{
		`tcp LISTEN 0 4096 0.0.0.0:111 0.0.0.0:*`:         "tcp 0.0.0.0:111",
		`udp UNCONN 0 0 0.0.0.0:735 0.0.0.0:*`:            "udp 0.0.0.0:*",
		`udp UNCONN 0 0 [::]:53123 [::]:*`:                "udp [::]:*",
		`tcp LISTEN 0 5 [::1]:2947 [::]:*`:                "tcp [::1]:2947",
		`u_str LISTEN 0 4096 /run/rpcbind.sock 4711 * 0 `: "u_str /run/rpcbind.sock",
		`u_dgr UNCONN 0 0 * 4712 * 4713`:                  "",
		"":                                                "",
	} {
		if got := parseSocket(line); got != want {
			t.Errorf("%s\nis %q, want %q", line, got, want)
		}
	}
}

func TestOwns(t *testing.T) {
	c := contents{units: []string{"tangd@.service", "tangd.socket", "ssh.service"}}
	for unit, want := range map[string]bool{
		"ssh.service": true, "tangd.socket": true, "tangd@3-127.0.0.1:80-127.0.0.1:4.service": true, "tangd@x.socket": false,
		"cron.service": false, "getty@tty1.service": false,
	} {
		if c.owns(unit) != want {
			t.Errorf("%s: %v", unit, !want)
		}
	}
}

func TestComesAndGoes(t *testing.T) {
	for want, units := range map[bool][]unit{
		true:  {{"Id": "x.service", "Type": "oneshot", "RemainAfterExit": "no"}, {"Id": "tangd@3-127.0.0.1:80-127.0.0.1:4.service"}},
		false: {{"Id": "x.service", "Type": "oneshot", "RemainAfterExit": "yes"}, {"Id": "x.service", "Type": "simple"}, {"Id": "getty@1.service"}},
	} {
		for _, u := range units {
			if u.comesAndGoes() != want {
				t.Errorf("%v: %v", u, !want)
			}
		}
	}
}

func TestScript(t *testing.T) {
	w := &witness{seen: census.Seen{Package: "uuid-runtime"}}
	for program, want := range map[string]string{
		"/bin/sh /var/lib/dpkg/info/uuid-runtime.prerm upgrade 2":          "prerm",
		"/bin/sh -e /var/lib/dpkg/info/uuid-runtime.prerm remove":          "prerm",
		"/bin/sh /var/lib/dpkg/info/uuid-runtime:amd64.postinst configure": "postinst",
		"/usr/bin/perl -w /var/lib/dpkg/tmp.ci/preinst upgrade 1 2":        "preinst",
		"/bin/sh /var/lib/dpkg/info/libc-bin.postinst triggered":           "",
		"/bin/sh /var/lib/dpkg/info/uuid-runtime.more.postinst configure":  "",
		"dpkg-deb --fsys-tarfile /run/next.deb":                            "",
		"rm -rf -- /var/lib/dpkg/tmp.ci":                                   "",
	} {
		if name, is := w.script(strings.Fields(program)); is != (want != "") || is && name != want {
			t.Errorf("%s: %q, %v", program, name, is)
		}
	}
}

// Nobody but dpkg is stopped, every program that it runs is seen before it has done anything, and files only when asked for.
func TestTrace(t *testing.T) {
	dir := t.TempDir()
	output, err := os.Create(filepath.Join(dir, "output"))
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	exit, err := trace([]string{"/usr/bin/perl", "-e", `chdir $ARGV[0];
		for (qw(a.dpkg-new b.dpkg-new c)) { open(F, ">", $_); close F }
		rename "a.dpkg-new", "a"; system("sh", "-c", "rm a; mv b.dpkg-new b; touch a"); rename "b", "b.dpkg-new"; rename "b.dpkg-new", "b"; unlink "c"; exit 7`, dir},
		output, false, func(s step) (bool, error) {
			_, err := os.Stat(filepath.Join(dir, "c"))
			seen = append(seen, fmt.Sprint(s.program, s.file, err == nil))
			return true, nil
		})
	want := []string{"[sh -c rm a; mv b.dpkg-new b; touch a]true", "[]btrue", "[]ctrue"}
	if exit != 7 || err != nil || !slices.Equal(seen, want) {
		t.Errorf("exit %d, %v; seen %q, want %q", exit, err, seen, want)
	}
}

func TestChanged(t *testing.T) {
	were := map[string]string{"a.service": "active", "a.socket": "active", "a@x.service": "inactive"}
	if got := changed(were, map[string]string{"a.service": "active", "a.socket": "active"}, []string{"tcp 1"}, []string{"tcp 1"}); got != nil {
		t.Errorf("nothing has changed, and %q", got)
	}
	got := changed(were, map[string]string{"a.service": "failed"}, []string{"tcp 1"}, []string{"tcp 2"})
	if len(got) != 4 {
		t.Errorf("a service has failed, its socket is gone, a port is another: %q", got)
	}
	if got := left(map[string]string{"a.service": "deactivating", "a.socket": "inactive"}, []string{"tcp 1"}, nil); len(got) != 1 {
		t.Errorf("one unit is left: %q", got)
	}
}

func TestParseEvent(t *testing.T) {
	e, invocation, err := parseEvent(`{"MESSAGE_ID":"` + unitStarted + `","UNIT":"a.service","INVOCATION_ID":"7",` +
		`"_SOURCE_REALTIME_TIMESTAMP":"1000001","__REALTIME_TIMESTAMP":"2000000"}`)
	if err != nil || invocation != "7" || e != (event{unitStarted, "a.service", time.UnixMicro(1000001)}) {
		t.Errorf("%+v %q %v", e, invocation, err)
	}
	for _, line := range []string{"", "{}", `{"__REALTIME_TIMESTAMP":"x"}`} {
		if _, _, err := parseEvent(line); err == nil {
			t.Errorf("%q is an event", line)
		}
	}
}

func TestDuring(t *testing.T) {
	at := func(second int64) time.Time { return time.Unix(second, 0) }
	w := &witness{phases: []phase{{"prerm", at(1)}, {"unpack", at(3)}, {"postinst", at(5)}}}
	for second, want := range map[int64]string{1: "prerm", 2: "prerm", 3: "unpack", 9: "postinst"} {
		if got := w.during(at(second)); got != want {
			t.Errorf("at %d: %s, want %s", second, got, want)
		}
	}
}
