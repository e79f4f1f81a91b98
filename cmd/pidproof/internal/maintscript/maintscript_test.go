package maintscript

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pidproof/matcher/host"
)

func TestIsName(t *testing.T) {
	for name, want := range map[string]bool{
		"rtkit": true, "libstdc++6:amd64": true, "0ad": true, "": false, "-f": false, ":amd64": false, "a*": false, "a b": false, "a\n": false, "A": false,
	} {
		if IsName(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

func TestAllDone(t *testing.T) {
	for states, want := range map[string]bool{
		"": true, "installed\n": true, "config-files\nnot-installed\n": true, "triggers-awaited\ntriggers-pending\n": true,
		"installed\nhalf-configured\n": false, "unpacked\ninstalled\n": false, "half-installed\n": false,
	} {
		if allDone(states) != want {
			t.Errorf("%q: %v", states, !want)
		}
	}
}

func TestOwnersIn(t *testing.T) {
	const found = "rpcbind: /lib/systemd/system/rpcbind.socket\nlibfoo:amd64, libfoo:i386: /etc/foo\ndiversion by dash from: /bin/sh\nrpcbind: /x: y\n"
	if got := fmt.Sprint(ownersIn(found)); got != "[rpcbind libfoo:amd64 libfoo:i386]" {
		t.Error(got)
	}
}

// Nothing of a database is nothing new.
func TestLook(t *testing.T) {
	if before, now := Look(), Look(); before != now {
		t.Error("nothing has changed")
	}
}

// dpkg may note that it works on a package while dpkg-query reads: what that has read is of before.
func TestDoneMeanwhile(t *testing.T) {
	old := database
	t.Cleanup(func() { database = old })
	database = t.TempDir()
	bin := t.TempDir()
	t.Setenv("DPKG_ADMINDIR", database)
	write := func(path, content string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	status := func(state string) string {
		return "Package: foo\nStatus: install ok " + state + "\nMaintainer: nobody\nArchitecture: all\nDescription: x\nVersion: 1\n"
	}
	if err := os.Mkdir(filepath.Join(database, "updates"), 0o755); err != nil {
		t.Fatal(err)
	}
	ask := func(want bool, when string) {
		t.Helper()
		if done, err := Done(t.Context(), []string{"foo:all"}); err != nil || done != want {
			t.Errorf("%s: %v, %v", when, done, err)
		}
	}
	write(filepath.Join(database, "status"), status("installed"), 0o644)
	ask(true, "installed")
	write(filepath.Join(database, "status-new"), status("half-configured"), 0o644)
	path := os.Getenv("PATH")
	write(filepath.Join(bin, "dpkg-query"), "#!/bin/sh\nPATH="+path+"\ndpkg-query \"$@\" && mv "+database+"/status-new "+database+"/status\n", 0o755)
	t.Setenv("PATH", bin+":"+path)
	ask(false, "begun meanwhile")
	t.Setenv("PATH", path)
	ask(false, "half-configured")

	owners := func(wantSettled bool, want ...string) {
		t.Helper()
		got, settled, err := Owners(t.Context(), []string{"/lib/systemd/system/foo.service"})
		if err != nil || settled != wantSettled || wantSettled && !slices.Equal(got, want) {
			t.Errorf("%v, %v, %v", got, settled, err)
		}
	}
	if err := os.Mkdir(filepath.Join(database, "info"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(database, "info/foo.list"), "/lib/systemd/system/foo.service\n", 0o644)
	owners(true, "foo")
	write(filepath.Join(database, "status-new"), strings.ReplaceAll(status("unpacked"), "foo", "bar"), 0o644)
	write(filepath.Join(database, "info/bar.list"), "/lib/systemd/system/foo.service\n", 0o644)
	t.Setenv("PATH", bin+":"+path)
	owners(false)
	t.Setenv("PATH", path)
	owners(true, "bar")
}

// A process is its number and its start; a package without one is dpkg's.
func TestReconfigures(t *testing.T) {
	_, started, err := host.Life(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for word, want := range map[string]bool{
		"foo:all": false, fmt.Sprintf("foo@%d.%d", os.Getpid(), started): true, fmt.Sprintf("foo@%d.%d", os.Getpid(), started+1): false,
	} {
		if goesOn, err := reconfigures(word); goesOn != want || err != nil || !IsAwaited(word) {
			t.Errorf("%s: %v, %v", word, goesOn, err)
		}
	}
	for _, word := range []string{"", "foo@", "@1.2", "foo@x", "foo@1", "-f@1.2"} {
		if IsAwaited(word) {
			t.Errorf("%q is one", word)
		}
	}
}
