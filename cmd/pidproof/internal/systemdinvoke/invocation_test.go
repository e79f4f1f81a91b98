package systemdinvoke

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pidproof/testdata/must"
	"pidproof/testdata/need"
)

func TestParse(t *testing.T) {
	for line, want := range map[string][]string{
		"stop foo.service foo.socket":        {"stop", "foo.service", "foo.socket"},
		"stop foo@x.service":                 {"stop", "foo@x.service"},
		`restart a\x2db.service c@*.service`: {"restart", `a\x2db.service`, "c@*.service"},
		"stop a+b":                           {"stop", `a\x2bb`},
		"stop a/b":                           {"stop", "a-b"},
		"stop f\xf6":                         {"stop", `f\xf6`},
	} {
		call, err := Parse(strings.Fields(line), Reading{})
		if got := append([]string{call.Action}, call.Units...); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %+v, %v, want %q", line, got, err, want)
		}
	}
	if call, err := Parse([]string{"stop", "a b"}, Reading{}); err != nil || call.Units[0] != `a\x20b` {
		t.Errorf("a blank: %+v, %v", call, err)
	}
	for _, line := range []string{"", "stop", "stop $(reboot)", "stop a;b", "stop 'foo'", "stop /dev/a", "stop a\x1bb", "stop foo -"} {
		if got, err := Parse(strings.Fields(line), Reading{}); !errors.Is(err, ErrNotOurs) {
			t.Errorf("%q: %+v, %v, want it left to the real program", line, got, err)
		}
	}
	if got, err := Parse([]string{"stop", "--no-block", "foo"}, Reading{}); err == nil || errors.Is(err, ErrNotOurs) {
		t.Errorf("an option of systemctl that changes what it does: %+v, %v", got, err)
	}
}

// TestReadingOf: a program that is none of those known is not guessed at.
func TestReadingOf(t *testing.T) {
	for program, want := range map[string]Reading{
		"my $action = shift @units;\n":                                              {},
		"GetOptions(\n\"user\" => sub { $x = 0; },\n\"system\" => sub {}, # so\n);": {Getopt: true, Options: []string{"user", "system"}},
		"GetOptions();": {Getopt: true},
	} {
		if got, err := readingOf(program); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", program, got, err)
		}
	}
	for _, program := range []string{
		"", "\x7fELF", `GetOptions("user=s" => \$of);`, `GetOptions("user" => \$is);`, `GetOptions("user" => sub { $x = 0; }, "root" => sub {});`,
	} {
		if got, err := readingOf(program); err == nil {
			t.Errorf("%s: %+v", program, got)
		}
	}
}

func TestKinds(t *testing.T) {
	call := Invocation{Action: "stop", Units: []string{"a", "b.service", "c.socket", "d.path", "e.timer", "f.target", "g.h", "i@*"}}
	if got, want := call.Services(), []string{"a.service", "b.service", "g.h.service", "i@*.service"}; !slices.Equal(got, want) {
		t.Errorf("services: %q, want %q", got, want)
	}
	if got, want := call.Triggers(), []string{"c.socket", "d.path", "e.timer"}; !slices.Equal(got, want) {
		t.Errorf("triggers: %q, want %q", got, want)
	}
	for action, want := range map[string]bool{"start": true, "restart": true, "try-restart": true, "stop": false, "reload": false, "daemon-reload": false} {
		if got := (Invocation{Action: action}).Starts(); got != want {
			t.Errorf("%s starts: %v", action, got)
		}
	}
}

// oddLines are what the real program takes, one way or another.
var oddLines = []string{
	"stop foo", "stop foo.service bar.socket", "--system stop foo", "stop --system foo", "stop foo --system", "--no-dbus stop foo",
	"stop -- foo", "stop foo -- bar", "stop -- foo --system", "stop -- --", "stop --no-dbus -- foo bar", "start foo bar.socket",
	"restart --system foo", "try-restart foo bar", "reload foo@x.service", `stop a\x2db`, "stop foo@*", "stop --system --system foo",
	"stop --nosuch foo", "stop --user foo", "--syst stop foo", "-system stop foo", "--SYSTEM stop foo", "stop --system=1 foo",
	"-- stop foo", "foo", "stop", "", "stop - foo", "- stop foo", "stop -x foo", "status foo",
	"--us stop foo", "stop foo --u", "-u stop foo", "+user stop foo", "+ stop foo", "--user --system stop foo", "--system --user stop foo",
	"--user try-restart foo", "--user reload foo", "--us restart foo", "-- --user stop foo", "--user -- start foo", "--no-d stop foo",
	"--n stop foo", "-no-dbus stop foo", "--=x stop foo", "--user=1 stop foo", "---user stop foo", "stop foo -- --quiet", "stop -q foo",
	"start -q foo", "start foo -- -q bar", "restart -- foo -q", "stop foo --no-pager", "stop --quiet -- foo --user", "-- -q stop foo",
	"--quiet start foo", "--s --n start foo bar", "--USER=1 start foo", "+Sys restart foo", "stop -- -q", "-- -- stop foo", "stop foo -- -- bar",
	"stop +x foo", "start +x foo", "stop a+b", "stop a=b --sys", "--user stop", "stop --",
}

// TestParseAsReal has Debian's own programs, of three releases, call a systemctl that only notes how: what Parse reads is
// what reaches it, and what policy-rc.d is asked.
func TestParseAsReal(t *testing.T) {
	need.Program(t, "perl")
	for version, read := range map[string]int{"1.60": 28, "1.65.2": 52, "1.69": 52} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			for i, real := range calledBy(t, version) {
				if readsAs(t, version, strings.Fields(oddLines[i]), real) {
					read--
				}
			}
			if read > 0 {
				t.Errorf("%d lines less are read", read)
			}
		})
	}
}

// called is what the real program has at last called systemctl with, less options, and what policy-rc.d was asked.
type called struct{ systemctl, asked string }

// calls has one perl call the program with each line.
const calls = `my ($program, $dir) = splice(@ARGV, 0, 2);
	use Getopt::Long;
	open(my $file, '<', $program) or die; local $/; my $text = <$file>;
	$text =~ s{'/usr/sbin/policy-rc.d'}{'$dir/policy-rc.d'};
	my $i = 0;
	for my $line (@ARGV) {
		$ENV{NOTES} = "$dir/" . $i++;
		my $pid = fork();
		if ($pid == 0) { @ARGV = split(' ', $line); eval $text; exit 1; }
		waitpid($pid, 0);
	}`

// noting are a systemctl, which has enabled whatever is no option, and a policy-rc.d. What another manager is told does not
// count.
var noting = map[string]string{
	"systemctl": `#!/bin/sh
		line= ended=
		for word; do
			case $word in
			--us | --use | --user) exit ;;
			--version) echo "systemd 252 (252.39)"; exit ;;
			esac
			if [ -z "$ended" ]; then
				case $word in
				--) ended=1; continue ;;
				-?*) continue ;;
				esac
			fi
			line="$line $word"
		done
		case $line in *is-*" -"*) exit 1 ;; *is-*) echo enabled; exit ;; esac
		printf '%s\n' "$line" >"$NOTES"`,
	"policy-rc.d": "#!/bin/sh\nprintf '%s\\n' \"$*\" >>\"$NOTES.asked\"\n",
}

func calledBy(t *testing.T, version string) (all []called) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range noting {
		must.Do(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o755))
	}
	cmd := exec.Command("perl", append([]string{"-e", calls, filepath.Join("testdata", version), dir}, oddLines...)...)
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	for i := range oddLines {
		notes := filepath.Join(dir, strconv.Itoa(i))
		systemctl, _ := os.ReadFile(notes)
		asked, _ := os.ReadFile(notes + ".asked")
		all = append(all, called{strings.TrimSpace(string(systemctl)), string(asked)})
	}
	return all
}

func readsAs(t *testing.T, version string, words []string, real called) bool {
	t.Helper()
	program, err := os.ReadFile(filepath.Join("testdata", version))
	must.Do(t, err)
	reading, err := readingOf(string(program))
	must.Do(t, err)
	call, err := Parse(words, reading)
	if err != nil { // we should have known what it has stopped or started
		got := strings.Fields(real.systemctl)
		if errors.Is(err, ErrNotOurs) && len(got) > 1 && slices.Contains([]string{"stop", "start", "restart"}, got[0]) && !slices.ContainsFunc(got, isOption) {
			t.Errorf("%q: %v, and systemctl got %q", words, err, got)
		}
		return false
	}
	systemctl := strings.Fields(real.systemctl)
	for i := 1; i < len(systemctl); i++ {
		systemctl[i] = mangled(systemctl[i])
	}
	if want := append([]string{call.Action}, call.Units...); !slices.Equal(systemctl, want) {
		t.Errorf("%q: systemctl got %q, want %q", words, systemctl, want)
	}
	var asked strings.Builder
	for _, a := range call.asked {
		fmt.Fprintf(&asked, "%s %s\n", strings.ReplaceAll(a[0], `\`, ""), a[1])
	}
	if asked.String() != real.asked {
		t.Errorf("%q: policy-rc.d was asked %q, want %q", words, real.asked, asked.String())
	}
	return true
}

// FuzzParse: no word that means something to a shell comes through, but for patterns.
func FuzzParse(f *testing.F) {
	for i, line := range oddLines {
		f.Add(strings.ReplaceAll(line, " ", "\x00"), i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, line string, getopt bool) {
		given := strings.Split(line, "\x00")
		call, err := Parse(given, Reading{getopt, known})
		if err != nil {
			return
		}
		for _, asked := range call.asked {
			if strings.ContainsAny(asked[0]+asked[1], "\t\n'\"`$;&|<>(){}!#~^") || !slices.Contains(given, asked[0]) {
				t.Fatalf("%q: policy-rc.d is asked %q", given, asked)
			}
		}
		for _, word := range call.Units {
			if word == "" || word[0] == '-' || strings.Trim(word, inUnits) != "" {
				t.Fatalf("%q became %q", given, call)
			}
		}
		if len(call.Units) == 0 || len(call.Services()) > len(call.Units) {
			t.Fatalf("%q became %q", given, call)
		}
	})
}
