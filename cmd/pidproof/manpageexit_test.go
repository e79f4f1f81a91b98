package main

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pidproof/cmd/pidproof/internal/handover"
)

var (
	exitItem = regexp.MustCompile(`^\.It (\d+)`)
	exitLine = regexp.MustCompile(`^\.It (.+) Ta (.*)$`)
	aNumber  = regexp.MustCompile(`\d+`)
)

// A page has the exit codes of each of its commands; the overview's table has the same.
func TestManualExitStatus(t *testing.T) {
	table := map[string][]string{}
	for _, line := range pageNamed(t, overview).part(t, ".Sh EXIT STATUS", "") {
		if row := exitLine.FindStringSubmatch(line); row != nil && !strings.HasPrefix(row[1], "Em ") {
			table[strings.ReplaceAll(row[1], ",", " and")] = aNumber.FindAllString(row[2], -1)
		}
	}
	for _, m := range manuals(t) {
		commands := commandsOn(t, m)
		if len(commands) == 0 {
			continue
		}
		heads := m.heads(t, ".Sh EXIT STATUS")
		if named := strings.Split(strings.Join(heads, " and "), " and "); len(heads) > 0 && !slices.Equal(named, commands) {
			t.Errorf("%s has the exit codes of %q, want %q", m.path, named, commands)
		}
		if len(heads) == 0 {
			heads = commands
		}
		for _, head := range heads {
			if got := exitCodesIn(t, m, head); len(got) == 0 || !slices.Equal(table[head], got) {
				t.Errorf("%s gives %s the codes %q, the overview %q", m.path, head, got, table[head])
			}
			delete(table, head)
		}
	}
	for head := range table {
		t.Errorf("the overview gives codes to %s, which no page does", head)
	}
}

// exitCodesIn are those that a page lists for one of its commands, or for those of a head.
func exitCodesIn(t *testing.T, m manual, command string) (codes []string) {
	t.Helper()
	sub := ""
	for _, head := range m.heads(t, ".Sh EXIT STATUS") {
		if head == command || slices.Contains(strings.Split(head, " and "), command) {
			sub = ".Ss " + head
		}
	}
	for _, line := range m.part(t, ".Sh EXIT STATUS", sub) {
		if code := exitItem.FindStringSubmatch(line); code != nil {
			codes = append(codes, code[1])
		}
	}
	return codes
}

// elsewhere are the codes that no script plays, and where they are.
var elsewhere = map[string][]string{
	// On hosts with an init system: testdata/lab/ondemand*_test.go.
	"quiesce": {"1", "150"}, handover.InvokeRC: {"1"}, handover.DebSystemdInvoke: {"1"},
}

// Each exit code on a command's page is one that a script requires of it, and each that a
// script requires is on its page, unless it is the daemon's or the real program's.
func TestManualExitCodesArePlayed(t *testing.T) {
	played := playedCodes(t)
	for _, cmd := range model(t).Leaves(false) {
		documented := exitCodesIn(t, pageOf(t, cmd.Name), cmd.Name)
		for _, code := range documented {
			if !played[cmd.Name][code] && !slices.Contains(elsewhere[cmd.Name], code) &&
				!(cmd.Name == "register" && code == "3") { // unregister's, in one list with it
				t.Errorf("%s may exit %s, says its page; no script requires it", cmd.Name, code)
			}
		}
		if slices.Contains([]string{handover.StartStopDaemon, handover.InvokeRC, handover.DebSystemdInvoke, "start_daemon"}, cmd.Name) {
			continue
		}
		for code := range played[cmd.Name] {
			if !slices.Contains(documented, code) {
				t.Errorf("a script requires %s of %s, whose page does not have it", code, cmd.Name)
			}
		}
	}
}

// playedCodes are the exit codes that testdata/script requires, by command.
func playedCodes(t *testing.T) map[string]map[string]bool {
	t.Helper()
	played := map[string]map[string]bool{}
	for _, cmd := range model(t).Leaves(false) {
		played[cmd.Name] = map[string]bool{}
	}
	note := func(words []string, code string) {
		if _, err := strconv.Atoi(code); err != nil { // ends INT
			return
		}
		for i, word := range words {
			name := filepath.Base(word)
			if name == "pidproof" {
				for _, word := range words[i+1:] {
					if _, is := played[word]; is {
						played[word][code] = true
						return
					}
				}
			}
			if name == handover.StartStopDaemon || name == "pidof" {
				played[name][code] = true
				return
			}
		}
	}
	scripts := 0
	err := filepath.WalkDir("testdata/script", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		scripts++
		begun := map[string][]string{}
		for line := range strings.Lines(readDoc(t, path)) {
			line = strings.NewReplacer("$SSD", handover.StartStopDaemon, "$OURS", handover.StartStopDaemon).Replace(line)
			switch words := strings.Fields(line); {
			case len(words) < 2:
			case words[0] == "answers": // asks both
				played["check"][words[1]], played["explain"][words[1]] = true, true
			case words[0] == "exits":
				note(words[2:], words[1])
			case words[0] == "refuses":
				note(words[1:], "4")
			case words[0] == "begin":
				begun[words[1]] = words[2:]
			case words[0] == "ends" && len(words) > 2:
				note(begun[words[2]], words[1])
			}
		}
		return nil
	})
	if err != nil || scripts == 0 {
		t.Fatalf("%d scripts: %v", scripts, err)
	}
	return played
}
