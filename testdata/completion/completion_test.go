package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pidproof/testdata/waiting"
)

// installed is the folder below which pidproof was installed for these tests, as it would be below /usr.
func installed(t *testing.T) (prefix string) {
	t.Helper()
	prefix = t.TempDir()
	cmd := exec.Command("make", "-s", "-C", "../..", "install", "PREFIX="+prefix, "HOOKDIR="+prefix+"/hook")
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MAKE") })
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make install: %v\n%s", err, out)
	}
	return prefix
}

// stub puts a program in pidproof's place.
func stub(t *testing.T, prefix, script string) {
	t.Helper()
	path := filepath.Join(prefix, "sbin/pidproof")
	do(t, os.Remove(path))
	do(t, os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755))
}

// ofHost is what a stub says of its host: instances and daemons, some of which somebody else has called so that a shell
// would run it.
const ofHost = `[ "$1 $2" = "--timeout 1s" ] && cat <<'EOF'
pidproof_instance_registered{name="web-foo",pidfile="/run/web-foo/webd.pid"} 1
pidproof_instance_registered{name="$(touch ran)",pidfile="/run/lock/x.pid"} 0
pidproof_instance_registered{name="b\\\\x1b[2Jell",pidfile="/run/lock/x.pid"} 0
pidproof_instance_registered{name="*",pidfile="/run/lock/x.pid"} 0
pidproof_instance_registered{name="two words",pidfile="/run/lock/x.pid"} 0
pidproof_instance_registered{name="-rf",pidfile="/run/lock/x.pid"} 0
pidproof_instance_info{name="web-foo",pidfile="/run/web-foo/webd.pid",executable="/opt/web/webd"} 1
pidproof_instance_info{name="x",pidfile="/run/lock/x.pid",executable="/tmp/$(touch ran)"} 1
pidproof_unclaimed_processes{executable="/usr/sbin/lostd"} 2
EOF
`

func grammar(t *testing.T) Grammar {
	t.Helper()
	cmd := exec.Command("go", "run", "-tags", "grammar", "./cmd/pidproof")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	do(t, err)
	g, err := read(strings.NewReader(string(out)))
	do(t, err)
	return g
}

// expectation is a line, and what is to be offered for it.
type expectation struct {
	line string
	want []string
	kind Kind
}

// expectations are of every command, and each of its options and arguments.
func expectations(g Grammar) (all []expectation) {
	var commands []string
	for _, c := range g.Commands {
		commands = append(commands, c.Name)
		all = append(all, expectation{"pidproof " + c.Name + " -", strings.Fields(names(c.With(g.Common))), nothing})
		for _, o := range c.With(g.Common) {
			for _, name := range o.Names {
				if o.Value != "" {
					all = append(all, expectation{"pidproof " + c.Name + " " + name + " ", offered(o.Kind, o.Choices), o.Kind})
				}
			}
		}
		before := "pidproof --timeout 5s " + c.Name
		for _, a := range c.Arguments {
			all = append(all, expectation{before + " ", offered(a.Kind, a.Choices), a.Kind})
			if before += " word"; a.Many {
				all = append(all, expectation{before + " ", offered(a.Kind, a.Choices), a.Kind})
			}
		}
	}
	return append(all, expectation{"pidproof ", append(slices.Clone(commands), "help", "version"), choice},
		expectation{"pidproof help ", commands, choice}, expectation{"pidproof help check ", nil, nothing},
		expectation{"pidproof --", []string{"--help", "--timeout", "--version"}, nothing},
		expectation{"pidproof check --unclaimed=li", []string{"listening"}, choice},
		expectation{"pidproof check --unclaimed li", []string{"listening"}, choice})
}

// hosts are the names of the stub's host that each kind has. A file is offered where none is, or beside them.
var hosts = map[Kind][]string{
	daemon: {"lostd", "webd"}, instance: {"lostd", "web-foo", "webd"}, own: {"lostd", "registered-one", "webd"}, registered: {"registered-one"},
}

func TestCompletion(t *testing.T) {
	prefix, dir := installed(t), t.TempDir()
	stub(t, prefix, ofHost)
	do(t, os.WriteFile(filepath.Join(dir, "some.pid"), nil, 0o644))
	registrations := t.TempDir()
	for _, name := range []string{"registered-one", "$(touch ran)", "two words", "-rf", "*", "a.bak", "a.swp", "a.orig", "a.rej", "a.dpkg-old", "a.ucf-dist", "a..b", "_a"} {
		do(t, os.WriteFile(filepath.Join(registrations, name), nil, 0o644))
	}
	all := expectations(grammar(t))
	if len(all) < 100 {
		t.Fatalf("only %d lines are asked", len(all))
	}
	var lines []string
	for _, e := range all {
		lines = append(lines, e.line)
	}
	for name, shell := range shells(t, prefix, dir, registrations) {
		t.Run(name, func(t *testing.T) {
			for i, got := range shell.ask(t, lines...) {
				all[i].check(t, got)
			}
			if ran, _ := filepath.Glob(filepath.Join(dir, "ran*")); len(ran) > 0 {
				t.Error("a name was run as a command")
			}
		})
	}
}

func (e expectation) check(t *testing.T, got answer) {
	t.Helper()
	var words []string
	files := got.files()
	for _, word := range got.offered {
		switch {
		case word == "some.pid":
			files = true
		case !strings.HasPrefix(word, "option "):
			word = strings.TrimSuffix(word, "=")                            // as zsh offers options that take a value
			words = append(words, strings.TrimPrefix(word, "--unclaimed=")) // fish offers it with the option
		}
	}
	slices.Sort(words)
	words = slices.Compact(words)
	switch e.kind {
	case service:
		if len(words) == 0 || !slices.ContainsFunc(words, installedService) {
			t.Errorf("%q: no service is offered: %q", e.line, words)
		}
		return
	case file:
		if !files || len(words) > 0 {
			t.Errorf("%q: files: %v, others: %q", e.line, files, words)
		}
		return
	}
	want := append(slices.Clone(e.want), hosts[e.kind]...)
	if slices.Sort(want); !slices.Equal(words, want) {
		t.Errorf("%q: offered are %q, want %q", e.line, words, want)
	}
	if files && (e.kind == nothing || e.kind == choice || e.kind == registered) {
		t.Errorf("%q: files are offered", e.line)
	}
}

func installedService(name string) bool {
	_, err := os.Stat("/etc/init.d/" + name)
	return err == nil
}

// What the key makes of a line: a name that a shell takes apart is quoted, one of several words of a line is completed where
// it stands, and a name that has a character of COMP_WORDBREAKS is not doubled.
func TestCompletedLine(t *testing.T) {
	prefix, dir, registrations := installed(t), t.TempDir(), t.TempDir()
	stub(t, prefix, ofHost)
	for _, name := range []string{"$(touch ran)", "two words"} {
		do(t, os.WriteFile(filepath.Join(dir, name), nil, 0o644))
	}
	do(t, os.WriteFile(filepath.Join(registrations, "web@15-main:x"), nil, 0o644))
	lines := map[string]string{
		`pidproof check -p tw`:                  `pidproof check -p two\ words `,
		`pidproof check -p \$`:                  `pidproof check -p \$\(touch\ ran\) `,
		`pidproof check -p some.pid web`:        `pidproof check -p some.pid webd `,
		`true; pidproof check --unclaimed li`:   `true; pidproof check --unclaimed listening `,
		`A=1 pidproof check --unclaimed=li`:     `A=1 pidproof check --unclaimed=listening `,
		`pidproof unregister we`:                `pidproof unregister web@15-main:x `,
		`pidproof unregister web@15-ma`:         `pidproof unregister web@15-main:x `,
		`pidproof unregister web@`:              `pidproof unregister web@15-main:x `,
		`pidproof unregister web@15-main:`:      `pidproof unregister web@15-main:x `,
		`pidproof quiesce $(touch ran`:          `pidproof quiesce $(touch ran`,
		`pidproof wait st`:                      `pidproof wait st`,
		`pidproof --timeout 3 wait sta`:         `pidproof --timeout 3 wait started `,
		`pidproof killproc -p x.pid webd H`:     `pidproof killproc -p x.pid webd HUP `,
		`pidproof check -- webd`:                `pidproof check -- webd `,
		`pidproof no-such-command x`:            `pidproof no-such-command x`,
		`pidproof invoke-rc.d --quiet foo rest`: `pidproof invoke-rc.d --quiet foo restart `,
	}
	for name, shell := range shells(t, prefix, dir, registrations) {
		if _, shows := shell.(keyed); !shows {
			continue
		}
		t.Run(name, func(t *testing.T) {
			for line, want := range lines {
				got := shell.ask(t, line)[0].line
				if got = strings.ReplaceAll(got, `\@`, "@"); strings.ReplaceAll(got, `\:`, ":") != want {
					t.Errorf("%s<TAB> became\n%q, want\n%q", line, got, want)
				}
			}
			if ran, _ := filepath.Glob(filepath.Join(dir, "ran*")); len(ran) > 0 {
				t.Error("a name was run as a command")
			}
		})
	}
}

// The names come from the program itself, and from what is registered.
func TestNames(t *testing.T) {
	prefix, dir := installed(t), t.TempDir()
	webd := filepath.Join(dir, "webd")
	if out, err := exec.Command("go", "build", "-o", webd, "../demod").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Setenv("PIDPROOF_INSTANCES", dir+"/registered")
	do(t, os.Mkdir(dir+"/registered", 0o755))
	for _, args := range [][]string{
		{webd, "-daemonize", "-pidfile", dir + "/foo.pid"},
		{prefix + "/sbin/pidproof", "register", "web-foo", "-p", dir + "/foo.pid", webd},
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
	t.Cleanup(func() {
		if out, err := exec.Command(prefix+"/sbin/pidproof", "killproc", "-p", dir+"/foo.pid", webd).CombinedOutput(); err != nil {
			t.Errorf("ending webd: %v\n%s", err, out)
		}
	})
	for what, want := range map[string]string{"daemons": "webd", "instances": "web-foo", "registered": "web-foo", "services": "procps", "others": ""} {
		out, err := exec.Command(prefix+"/share/pidproof/complete", what).Output()
		if names := strings.Fields(string(out)); want != "" && (err != nil || !slices.Contains(names, want)) || want == "" && len(names) > 0 {
			t.Errorf("complete %s: %q (%v), want %q among them", what, names, err, want)
		}
	}
}

// The program that is installed has nothing of completion, and so pays nothing for it when it starts.
func TestNoneInTheProgram(t *testing.T) {
	for tags, want := range map[string]bool{"": false, "grammar": true} {
		out, err := exec.Command("go", "list", "-tags", tags, "-f", "{{.GoFiles}}", "../../cmd/pidproof").Output()
		if do(t, err); strings.Contains(string(out), "grammar.go") != want {
			t.Errorf("with the tags %q: %s", tags, out)
		}
	}
}

// A pidproof that is kept from answering keeps nobody at his prompt for ever.
func TestHungNames(t *testing.T) {
	prefix := installed(t)
	stub(t, prefix, "exec sleep 36002\n")
	ctx, cancel := context.WithTimeout(t.Context(), waiting.Limit)
	defer cancel()
	out, err := exec.CommandContext(ctx, prefix+"/share/pidproof/complete", "instances", "daemons").Output()
	if len(out) > 0 || ctx.Err() != nil {
		t.Errorf("%q, %v", out, err)
	}
}
