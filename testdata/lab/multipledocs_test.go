package lab

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"pidproof/testdata/need"
)

const instancesPage = "../../docs/multiple-instances.md"

// TestMultipleInstancesPage does what docs/multiple-instances.md tells an administrator, in the order of the page, on a
// host with apache2's instances, and requires what the page says is seen.
func TestMultipleInstancesPage(t *testing.T) {
	t.Parallel()
	need.Program(t, "make")
	screens := screensOf(t)
	h := bootSites(t, machines)
	show := func(names ...string) {
		t.Helper()
		for _, name := range names {
			playScreen(t, h, name, screens[name])
			delete(screens, name)
		}
	}

	h.Must(t, "exec 2>&1; dpkg --purge --force-depends memcached; rm -rf /etc/memcached* /etc/default/memcached")
	h.Install(t, "memcached") // and apache2's packages once more, which is the upgrade
	show("message")
	installPidproof(t, h)
	show("check", "restart", "killproc", "register")
	h.Reinstall(t, "apache2-bin")
	show("upgrade", "restart-replaced", "list")
	h.Must(t, "rm "+foo.pidfile())
	show("adopt")
	pid := foo.pid(t, h)
	h.Must(t, fmt.Sprintf("kill -KILL %d", pid))
	awaitGone(t, h, pid)
	show("leftovers")
	for _, s := range []site{main, foo, bar} {
		s.answers(t, h)
	}
	show("memcached", "cache")

	for name := range screens {
		t.Errorf("%s has a screen %s that nobody plays", instancesPage, name)
	}
}

// screensOf returns the page's blocks after <!-- screen: NAME -->, by name.
func screensOf(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile(instancesPage)
	if err != nil {
		t.Fatal(err)
	}
	screens := make(map[string]string)
	for _, m := range regexp.MustCompile("(?s)<!-- screen: (\\S+) -->\n```console\n(.*?)```\n").FindAllStringSubmatch(string(page), -1) {
		screens[m[1]] = m[2]
	}
	if marks := strings.Count(string(page), "<!-- screen:"); marks == 0 || marks != len(screens) {
		t.Fatalf("%s has %d marks, and %d console blocks of different names after one", instancesPage, marks, len(screens))
	}
	return screens
}

// playScreen runs the commands of a screen, which begin with "# " and go on in lines with "> ", in one shell's folder,
// and compares what each says with the lines below it.
func playScreen(t *testing.T, h *Host, name, screen string) {
	t.Helper()
	pids := pidsOfPage{}
	folder := "/root"
	steps := strings.Split("\n"+screen, "\n# ")[1:]
	if len(steps) == 0 {
		t.Fatalf("%s has no screen %s, or no command in it", instancesPage, name)
	}
	for _, step := range steps {
		command, says, _ := strings.Cut(step, "\n")
		for strings.HasPrefix(says, "> ") {
			line, rest, _ := strings.Cut(says[len("> "):], "\n")
			command, says = command+"\n"+line, rest
		}
		command = pids.here(command)
		if where, changes := strings.CutPrefix(command, "cd "); changes {
			folder = where
			continue
		}
		result := h.Sh(t, "exec 2>&1; export COLUMNS=80; cd "+folder+"\n"+command)
		if !pids.same(says, result.Stdout) {
			t.Fatalf("%s, screen %s: # %s\n%s\nexit %d; the page has\n%s", instancesPage, name, command, result.Stdout, result.Code, says)
		}
	}
}

// pidsOfPage are the PIDs of a screen: what is this number on the page, is that one here.
type pidsOfPage map[string]string

var (
	blanks = regexp.MustCompile(`\s+`) // the page folds lines
	clock  = regexp.MustCompile(`\b\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?\b`)
	digits = regexp.MustCompile(`\b\d{3,}\b`)
)

// same reports that two texts are, but for when it was and for the PIDs, which differ alike.
func (p pidsOfPage) same(page, here string) bool {
	page, here = plain(page), plain(here)
	numbers := digits.FindAllString(here, -1)
	for i, n := range digits.FindAllString(page, -1) {
		if i >= len(numbers) {
			return false
		}
		if known, ok := p[n]; ok && known != numbers[i] {
			return false
		}
		p[n] = numbers[i]
	}
	return p.here(page) == here
}

func plain(text string) string {
	return strings.TrimSpace(blanks.ReplaceAllString(clock.ReplaceAllString(text, "TIME"), " "))
}

// here puts the numbers of here in the place of those of the page.
func (p pidsOfPage) here(page string) string {
	return digits.ReplaceAllStringFunc(page, func(n string) string {
		if known, ok := p[n]; ok {
			return known
		}
		return n
	})
}
