package lab

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"pidproof/testdata/rounds"
)

const (
	removeDebs = "dpkg --remove pidproof-wrappers pidproof"
	purgeDebs  = "dpkg --purge pidproof-wrappers pidproof"
)

// TestDebsKilled kills dpkg and our maintainer scripts before each command by which they change something:
// start-stop-daemon works, and dpkg, called once more, finishes or takes it back. It is for `make deb-check` only.
func TestDebsKilled(t *testing.T) {
	if !rounds.Long() {
		return
	}
	t.Parallel()
	p := bootPackaged(t)
	// dpkg itself calls some of these, by PATH.
	p.Must(t, "mkdir /run/deadly && cd /run/deadly && printf %s '"+deadlyToAll+`' >any && chmod +x any
		for name in dpkg-deb dpkg-divert ln cp cat sync mv rm; do ln -s any $name; done`)
	install, upgrade := "dpkg --install "+debsOf(""), "dpkg --install "+debsOf("newer-")
	for name, op := range map[string]struct {
		from, do, next string
		inPlace        bool // the wrappers, in the end
	}{
		"install":              {purgeDebs, install, install, true},
		"install, then purge":  {purgeDebs, install, "dpkg --force-remove-reinstreq --purge pidproof-wrappers pidproof", false},
		"upgrade":              {install, upgrade, upgrade, true},
		"upgrade, then back":   {install, upgrade, install, true},
		"upgrade, then purge":  {install, upgrade, "dpkg --force-remove-reinstreq --purge pidproof-wrappers pidproof", false},
		"remove":               {install, removeDebs, removeDebs, false},
		"purge":                {install, purgeDebs, purgeDebs, false},
		"remove, then install": {install, removeDebs, install, true},
	} {
		t.Run(name, func(t *testing.T) {
			killed := 0
			for step := 0; ; step++ {
				p.Must(t, op.from+" 2>&1")
				moment := fmt.Sprintf("%s, killed before its step %d", name, step)
				over := p.killed(t, op.do, step)
				p.works(t, moment)
				p.recovers(t, moment, op.next, op.inPlace)
				if over {
					break
				}
				killed++
			}
			p.Must(t, purgeDebs)
			requireSame(t, name, p.plain, p.Must(t, tree))
			t.Logf("killed %d times", killed)
			if killed == 0 {
				t.Error("it was killed at no step")
			}
		})
	}
}

// deadlyToAll stands for a command, and kills all of dpkg's processes instead, or only who has called it, when the number
// in the file "left" has come down to zero.
const deadlyToAll = `#!/bin/sh
PATH=${PATH#/run/deadly:}
case $* in
--truename* | --listpackage* | --list*) ;;
*)
	read -r left </run/deadly/left
	read -r whom </run/deadly/whom
	echo $((left - 1)) >/run/deadly/left
	case $left,$whom in
	0,all) kill -KILL 0 ;;
	0,*) kill -KILL $PPID; exit 1 ;;
	esac
	;;
esac
exec "${0##*/}" "$@"
`

// killed runs a command that is killed before a step, alternately with all that dpkg has started, or only the script. It
// reports that the command came to its end before.
func (p packaged) killed(t *testing.T, command string, step int) (over bool) {
	t.Helper()
	whom := []string{"all", "script"}[step%2]
	p.Sh(t, fmt.Sprintf("echo %d >/run/deadly/left; echo %s >/run/deadly/whom; PATH=/run/deadly:$PATH setsid --wait %s", step, whom, command))
	left, err := strconv.Atoi(strings.TrimSpace(p.Must(t, "cat /run/deadly/left")))
	if err != nil {
		t.Fatal(err)
	}
	return left >= 0
}

// TestDebsFullDisk fills /usr while the wrappers are installed, upgraded and removed. It is for the long runs only.
func TestDebsFullDisk(t *testing.T) {
	if !rounds.Long() {
		return
	}
	t.Parallel()
	p := bootPackaged(t)
	install, upgrade := "dpkg --install "+debsOf(""), "dpkg --install "+debsOf("newer-")
	for name, op := range map[string]struct{ from, do, next string }{
		"install": {"dpkg --install " + debsOf("pidproof.deb #"), "dpkg --install /var/cache/pidproof-debs/pidproof-wrappers.deb", install},
		"upgrade": {install, "dpkg --force-depends --install /var/cache/pidproof-debs/newer-pidproof-wrappers.deb", upgrade},
		"remove":  {install, removeDebs, removeDebs},
		"all":     {purgeDebs, install, install},
	} {
		t.Run(name, func(t *testing.T) {
			failed := 0
			for room := 0; ; room += 4 { // KiB
				p.Must(t, `mkdir -p /run/small && mount -t tmpfs -o size=64m tmpfs /run/small && mkdir /run/small/upper /run/small/work &&
					mount -t overlay overlay -o lowerdir=/usr,upperdir=/run/small/upper,workdir=/run/small/work /usr`)
				p.Must(t, op.from+" 2>&1")
				p.Must(t, fmt.Sprintf("head -c $((($(df -k --output=avail /run/small | tail -n 1) - %d) * 1024)) /dev/zero >/run/small/fill", room))
				moment := fmt.Sprintf("%s with room for %d KiB", name, room)
				result := p.Sh(t, "exec 2>&1; "+op.do)
				p.works(t, moment)
				p.Must(t, "rm /run/small/fill")
				p.recovers(t, moment, op.next, op.next != removeDebs)
				p.Must(t, purgeDebs)
				requireSame(t, moment, p.plain, p.Must(t, tree))
				p.Must(t, "umount -l /usr && umount -l /run/small")
				if result.Code == 0 || name == "all" {
					break
				}
				failed++
				if !strings.Contains(result.Stdout, "No space left on device") {
					t.Errorf("%s: it does not say why: %s", moment, result.Stdout)
				}
			}
			if failed == 0 && (name == "install" || name == "upgrade") {
				t.Error("the disk was never full")
			}
			t.Logf("failed %d times", failed)
		})
	}
}

// recovers requires that dpkg finishes what was begun, and then does what it is told.
func (p packaged) recovers(t *testing.T, moment, next string, inPlace bool) {
	t.Helper()
	p.Sh(t, "dpkg --configure --pending")
	if result := p.Sh(t, "exec 2>&1; "+next); result.Code != 0 {
		t.Fatalf("%s: %s: %+v", moment, next, result)
	}
	wrappers(t, p.Host, inPlace)
	if said := p.Must(t, "dpkg --audit; ls -d /usr/sbin/.*.new /usr/bin/.*.new 2>/dev/null || :"); said != "" {
		t.Errorf("%s: left %s", moment, said)
	}
}
