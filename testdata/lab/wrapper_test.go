package lab

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

const divert = "/usr/share/pidproof/divert"

// copyScripts brings divert and the wrapper to the host, and nothing else of pidproof.
func copyScripts(t *testing.T, h *Host) {
	t.Helper()
	h.Must(t, "mkdir -p /usr/share/pidproof")
	h.Copy(t, "../../scripts", "/usr/share/pidproof")
}

// installWrapper puts the wrapper that installPidproof brought in the place of dpkg's start-stop-daemon.
func installWrapper(t *testing.T, h *Host) {
	t.Helper()
	h.Must(t, divert+" add start-stop-daemon && "+divert+" status start-stop-daemon")
}

// wrapped is a host whose start-stop-daemon is diverted, and not, by turns.
type wrapped struct {
	*Host
	ssd   string // as dpkg knows it: /sbin/start-stop-daemon, and from Debian 13 on /usr/sbin/start-stop-daemon
	other string // the one that dpkg does not know; the same file on a merged /usr
}

// TestDivert installs the wrapper on a host that has no pidproof: there dpkg's program does all the work.
func TestDivert(t *testing.T) {
	t.Parallel()
	w := wrapped{chosen().boot(t), "/sbin/start-stop-daemon", "/usr/sbin/start-stop-daemon"}
	if w.Sh(t, "dpkg -S "+w.ssd).Code != 0 {
		w.ssd, w.other = w.other, w.ssd
	}
	copyScripts(t, w.Host)
	// The machine may have both installed. Owner and mode are not those of everything else. No index of manual pages is
	// made, which takes longer than the rest.
	w.Must(t, divert+" remove start-stop-daemon; rm -f /usr/sbin/pidproof /var/lib/man-db/auto-update")
	w.Must(t, fmt.Sprintf("chown root:adm %[1]s && chmod 0754 %[1]s", w.ssd))

	t.Run("refused", w.refused)
	t.Run("readme", w.readme)
	t.Run("twice", w.twice)
	t.Run("interrupted", w.interrupted)
	t.Run("diversion removed by hand", w.removedByHand)
	t.Run("program missing", w.programMissing)
	t.Run("wrapper", w.wrapper)
	t.Run("dpkg installed again", w.dpkgUpgraded)
	t.Run("dpkg moves the program", w.programMoved)
}

// all describes what there is of start-stop-daemon: files with owner, mode and content, and diversions.
const all = `
cd /sbin
for file in *start-stop-daemon* .*start-stop-daemon*; do
	[ ! -e "$file" ] || printf '%s %s %s\n' "$file" "$(stat -c %U:%G:%a "$file")" "$(sha256sum <"$file")"
done
dpkg-divert --list '*start-stop-daemon*'`

// expect requires that a script leaves this of start-stop-daemon.
func (w wrapped) expect(t *testing.T, script, want string) {
	t.Helper()
	if got := w.Must(t, "set -e\n"+script+all); got != want {
		t.Errorf("%s\nleft\n%swant\n%s", script, got, want)
	}
}

// status requires what `divert status` says, by exit code: 0 in place, 1 half in place, 3 not in place.
func (w wrapped) status(t *testing.T, code int) {
	t.Helper()
	if result := w.Run(t, divert, "status", "start-stop-daemon"); result.Code != code {
		t.Errorf("divert status: %+v, want exit %d", result, code)
	}
}

// refuses requires of a command exit code 1, one line that says why, and no change.
func (w wrapped) refuses(t *testing.T, command, why string) {
	t.Helper()
	before := w.Must(t, all)
	result := w.Sh(t, command)
	said, isLine := strings.CutPrefix(result.Stderr, "divert: ")
	if result.Code != 1 || result.Stdout != "" || !isLine || strings.Count(said, "\n") != 1 || !strings.Contains(said, why) {
		t.Errorf("%s: %+v, want exit 1 and one line with %q", command, result, why)
	}
	w.expect(t, "# "+command, before)
}

func (w wrapped) refused(t *testing.T) {
	const unprivileged = "setpriv --reuid=65534 --regid=65534 --clear-groups "
	for command, why := range map[string]string{
		divert:                                           "usage: ",
		divert + " add":                                  "usage: ",
		divert + " add ''":                               "usage: ",
		divert + " add start-stop-daemon x":              "usage: ",
		divert + " toggle start-stop-daemon":             "usage: ",
		divert + " add ../sbin/start-stop-daemon":        "no name of a program",
		divert + " add no-such-program":                  "no package installs /sbin/no-such-program",
		"cd " + divert + "/.. && sh divert add halfmade": "no package installs",
		divert + " add service":                          "/usr/share/pidproof/service is not there",
		unprivileged + divert + " add start-stop-daemon": "only root",
		unprivileged + divert + " remove service":        "only root",
	} {
		w.refuses(t, command, why)
	}

	const change = "dpkg-divert --quiet --no-rename "
	for name, foreign := range map[string]struct{ diversion, why string }{
		"an administrator's diversion":     {"--local --divert " + w.ssd + ".real " + w.ssd, "by LOCAL"},
		"another package's diversion":      {"--package other --divert " + w.ssd + ".real " + w.ssd, "by other"},
		"our diversion to another path":    {"--package pidproof --divert " + w.ssd + ".old " + w.ssd, ".old by pidproof"},
		"a diversion of the merged folder": {"--local --divert " + w.other + ".old " + w.other, w.other + " is diverted"},
	} {
		t.Run(name, func(t *testing.T) {
			w.Must(t, change+"--add "+foreign.diversion)
			for _, action := range []string{"add", "status"} {
				w.refuses(t, divert+" "+action+" start-stop-daemon", foreign.why)
			}
			if strings.HasSuffix(foreign.why, "by pidproof") {
				w.refuses(t, divert+" remove start-stop-daemon", foreign.why)
			} else { // nothing of it is ours
				w.Must(t, divert+" remove start-stop-daemon")
			}
			w.Must(t, change+"--remove "+foreign.diversion)
		})
	}
	t.Run("a file of that name", func(t *testing.T) {
		w.Must(t, fmt.Sprintf("cp %[1]s %[1]s.real", w.ssd))
		w.refuses(t, divert+" add start-stop-daemon", w.ssd+".real exists")
		w.Must(t, divert+" remove start-stop-daemon && rm "+w.ssd+".real")
	})
	t.Run("no dpkg-divert", func(t *testing.T) {
		w.Must(t, "mv /usr/bin/dpkg-divert /usr/bin/away")
		result := w.Run(t, divert, "add", "start-stop-daemon")
		w.Must(t, "mv /usr/bin/away /usr/bin/dpkg-divert")
		if result.Code != 1 || result.Stderr != "divert: dpkg-divert is missing: only dpkg keeps a program aside\n" {
			t.Errorf("%+v", result)
		}
	})
}

// readme runs the commands that the README has for administrators.
func (w wrapped) readme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "<!-- snippet: wrapper -->\n```sh\n")
	commands, _, _ := strings.Cut(rest, "```\n")
	lines := strings.Split(strings.TrimSpace(commands), "\n")
	if len(lines) != 3 {
		t.Fatalf("README.md has not three lines of sh after <!-- snippet: wrapper -->: %q", lines)
	}
	for i, code := range []int{0, 0, 3} {
		w.Must(t, lines[i])
		w.status(t, code)
	}
}

func (w wrapped) twice(t *testing.T) {
	plain := w.Must(t, all)
	w.status(t, 3)
	w.expect(t, divert+" remove start-stop-daemon", plain)

	w.Must(t, divert+" add start-stop-daemon && cmp /usr/share/pidproof/start-stop-daemon "+w.ssd)
	added := w.Must(t, all)
	_, program, _ := strings.Cut(plain, " ")
	if !strings.Contains(added, "start-stop-daemon.real "+program) || !strings.HasPrefix(added, "start-stop-daemon root:adm:754 ") {
		t.Errorf("there was\n%sand is\n%s", plain, added)
	}
	w.status(t, 0)
	w.expect(t, divert+" add start-stop-daemon", added)
	w.expect(t, "sed -i '$d' "+w.ssd+" # an older wrapper\n"+divert+" add start-stop-daemon", added)

	w.expect(t, divert+" remove start-stop-daemon", plain)
	w.expect(t, divert+" remove start-stop-daemon", plain)
}

// deadly stands for each command with which divert changes something, and kills it instead of doing the work when the
// number in the file "left" has come down to zero.
const deadly = `#!/bin/sh
PATH=${PATH#/run/deadly:}
case $* in
--truename* | --listpackage*) ;;
*)
	read -r left </run/deadly/left
	echo $((left - 1)) >/run/deadly/left
	[ "$left" -ne 0 ] || { kill -KILL $PPID; exit; }
	;;
esac
exec "${0##*/}" "$@"
`

// Whatever command divert is killed before, start-stop-daemon works, and the next run finishes or takes it all back.
func (w wrapped) interrupted(t *testing.T) {
	w.Must(t, "mkdir /run/deadly && cd /run/deadly && printf %s '"+deadly+`' >any && chmod +x any
		for name in dpkg-divert ln cp cat sync mv rm; do ln -s any $name; done`)
	// To ask dpkg what it has installed takes longer than all the rest, and the answer stays the same.
	w.Must(t, `cd /usr/local/sbin && printf '#!/bin/sh\necho %s\n' "$(dpkg-query -S `+w.ssd+`)" >dpkg-query && chmod +x dpkg-query`)
	defer w.Must(t, "rm /usr/local/sbin/dpkg-query")
	do := func(action string) string { return divert + " " + action + " start-stop-daemon\n" }
	want := map[string]string{"remove": w.Must(t, all)}
	want["add"] = w.Must(t, do("add")+all)
	// What dpkg leaves when it has moved the program, and when it was interrupted while it did.
	moved := do("remove") +
		fmt.Sprintf("dpkg-divert --quiet --package pidproof --no-rename --divert %[1]s.real --add %[1]s\n", w.other)
	unfinished := moved + "sed s/Usage/usage/ " + w.ssd + " >" + w.ssd + ".real\n"

	for _, run := range []struct{ from, action, next string }{
		{do("remove"), "add", "add"}, {do("remove"), "add", "remove"},
		{do("add"), "remove", "remove"}, {do("add"), "remove", "add"},
		{moved, "add", "add"}, {moved, "remove", "remove"},
		{unfinished, "add", "add"}, {unfinished, "remove", "remove"},
	} {
		interrupted := -1
		for code := -1; code != 0; interrupted++ {
			when := fmt.Sprintf("# %s, interrupted before its change %d\n", run.action, interrupted+1)
			script := run.from + fmt.Sprintf("echo %d >/run/deadly/left\n(PATH=/run/deadly:$PATH; %s)\n", interrupted+1, do(run.action))
			result := w.Sh(t, script+"code=$?\n"+w.ssd+" --version >&2 || exit 99\nexit $code")
			if code = result.Code; code != 0 && code != 128+9 || !strings.Contains(result.Stderr, "start-stop-daemon 1.") {
				t.Fatalf("%s%s%+v, want death by KILL, and the program's version", when, script, result)
			}
			w.expect(t, when+do(run.next), want[run.next])
		}
		if interrupted < 3 {
			t.Errorf("%q makes only %d changes that this test interrupts", run.action, interrupted)
		}
	}
	w.Must(t, do("remove"))
}

func (w wrapped) removedByHand(t *testing.T) {
	byHand := "dpkg-divert --quiet --package pidproof --no-rename --remove " + w.ssd + "\n"
	plain := w.Must(t, all)
	w.Must(t, divert+" add start-stop-daemon")
	added := w.Must(t, all)

	w.Must(t, byHand)
	w.status(t, 1)
	w.expect(t, divert+" add start-stop-daemon", added)
	w.expect(t, byHand+divert+" remove start-stop-daemon", plain)
}

// Without the program nothing can be done, and the wrapper and the diversion must not go either.
func (w wrapped) programMissing(t *testing.T) {
	w.Must(t, divert+" add start-stop-daemon && mv "+w.ssd+".real /sbin/away")
	for _, action := range []string{"add", "remove"} {
		w.refuses(t, divert+" "+action+" start-stop-daemon", "install the package that has "+w.ssd+" again")
	}
	w.refuses(t, divert+" status start-stop-daemon", "half")
	result := w.Run(t, w.ssd, "--status", "--pidfile", "/run/none")
	if result.Code != 127 || result.Stdout != "" || !strings.Contains(result.Stderr, "install the package dpkg again\n") {
		t.Errorf("the wrapper alone: %+v", result)
	}
	w.Must(t, "mv /sbin/away "+w.ssd+".real && "+divert+" remove start-stop-daemon")
}

func (w wrapped) wrapper(t *testing.T) {
	w.Must(t, divert+" add start-stop-daemon")
	t.Cleanup(func() { w.Must(t, "rm -f /usr/sbin/pidproof; "+divert+" remove start-stop-daemon") })
	dpkgs := func(t *testing.T) {
		w.Must(t, "start-stop-daemon --start --background --make-pidfile --pidfile /run/s.pid --exec /usr/bin/sleep -- 600")
		eventually(t, "sleep runs", func() bool {
			return w.Sh(t, "start-stop-daemon --status --pidfile /run/s.pid --exec /usr/bin/sleep").Code == 0
		})
		w.Must(t, "ln -sf "+w.ssd+` /run/link
			/run/link --stop --quiet --retry 5 --remove-pidfile --pidfile /run/s.pid --exec /usr/bin/sleep && test ! -e /run/s.pid`)
	}
	t.Run("no pidproof", dpkgs)
	w.Must(t, `printf '%s\n' '#!/bin/sh' 'printf "<%s>" "$0" "$@"; exit 7' >/usr/sbin/pidproof`)
	t.Run("pidproof not executable", dpkgs)
	w.Must(t, "chmod 755 /usr/sbin/pidproof")
	result := w.Run(t, w.ssd, "--start", "a b", "", "--", "*")
	if want := (Result{7, "</usr/sbin/pidproof><start-stop-daemon><--start><a b><><--><*>", ""}); result != want {
		t.Errorf("pidproof was called as %+v, want %+v", result, want)
	}
}

// dpkg installs its own program beside the wrapper. The first round is an upgrade where the machine's dpkg is not the
// newest.
func (w wrapped) dpkgUpgraded(t *testing.T) {
	w.Must(t, divert+" add start-stop-daemon")
	inode := func(path string) string { return w.Must(t, "stat -c %i "+path) }
	wrapper := inode(w.ssd)
	for round, install := range []func(*testing.T, ...string){w.Install, w.Reinstall} {
		before := inode(w.ssd + ".real")
		install(t, "dpkg")
		if inode(w.ssd) != wrapper {
			t.Fatalf("round %d: dpkg has replaced the wrapper", round)
		}
		if inode(w.ssd+".real") == before {
			t.Errorf("round %d: dpkg was installed, and the program is the same file", round)
		}
		w.Must(t, "cd "+debsInHost+` && dpkg-deb --fsys-tarfile dpkg_*.deb |
			tar -xO --wildcards '*/sbin/start-stop-daemon' | cmp - `+w.ssd+".real")
		w.status(t, 0)
	}
	w.Must(t, divert+" remove start-stop-daemon")
	w.unchanged(t)
}

// unchanged requires that dpkg finds its start-stop-daemon where and as it installed it.
func (w wrapped) unchanged(t *testing.T) {
	t.Helper()
	w.status(t, 3)
	if changed := w.Sh(t, "dpkg --verify dpkg").Stdout; strings.Contains(changed, "start-stop-daemon") {
		t.Errorf("the program is not the package's: %s", changed)
	}
	if count := w.Must(t, "ls /sbin | grep -c start-stop-daemon"); count != "1\n" {
		t.Errorf("the wrapper is removed, and of start-stop-daemon there are %s", count)
	}
}

// Debian 13 moves /sbin/start-stop-daemon to /usr/sbin: the same place on a merged /usr, but a diversion is of a path.
// The upgrade replaces the wrapper by the program; add brings it back, and remove clears up.
// https://subdivi.de/~helmut/dep17.html, P3
func (w wrapped) programMoved(t *testing.T) {
	w.Must(t, fmt.Sprintf(`set -e
		cd "$(mktemp -d)"
		dpkg-deb -R %[1]s/dpkg_*.deb tree
		mkdir -p tree%[3]s
		mv tree%[2]s tree%[3]s
		sed -i 's, .*/start-stop-daemon$, %[3]s,; s, /, ,' tree/DEBIAN/md5sums
		dpkg-deb -Znone -b tree %[1]s/moved_1.deb`, debsInHost, w.ssd, w.other[:strings.LastIndex(w.other, "/")]))

	for _, action := range []string{"add", "remove"} {
		w.Must(t, divert+" add start-stop-daemon")
		w.Reinstall(t, "moved")
		w.Must(t, w.ssd+" --version")
		w.status(t, 1)
		w.Must(t, divert+" "+action+" start-stop-daemon")
		w.Reinstall(t, "moved")
		if action == "add" {
			w.status(t, 0)
			w.Must(t, divert+" remove start-stop-daemon")
		}
		w.unchanged(t)
		w.Reinstall(t, "dpkg")
	}
}
