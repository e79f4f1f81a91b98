package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"

	"pidproof/cmd/pidproof/internal/explain"
)

// verdictOf is the design's table once more, written down by hand: a wrong row
// in exitcode.go must not make its own test pass.
var verdictOf = map[int]string{0: "running", 1: "dead", 3: "not-running", 4: "unknown", 150: "unclaimed"}

// answers CODE RULE [OPTION…] DAEMON: asks check, check -q, explain and
// explain --json the same. All must end with this code, agree on the verdict
// and the rule, and look as the manual says. What check printed is left for the
// script's next stdout line.
func answers(ts *testscript.TestScript, neg bool, args []string) {
	want := number(ts, "answers CODE RULE [OPTION…] DAEMON", neg, args, 3)
	rule, question := args[1], args[2:]
	ask := func(command ...string) string {
		argv := append(append([]string{"pidproof"}, command...), question...)
		if got := runCommand(ts, argv...); got != want {
			ts.Fatalf("%s ended with %d, want %d", strings.Join(command, " "), got, want)
		}
		if said := ts.ReadFile("stderr"); said != "" {
			ts.Fatalf("%s complained: %q", strings.Join(command, " "), said)
		}
		return ts.ReadFile("stdout")
	}
	ts.Check(checkJSON(ask("explain", "--json"), want, rule))
	ts.Check(checkPage(ask("explain"), want, rule))
	if said := ask("check", "-q"); said != "" {
		ts.Fatalf("check -q is not quiet: %q", said)
	}
	if said := ask("check"); !oneLine(said) {
		ts.Fatalf("check's answer is no clean line: %q", said)
	}
}

func checkJSON(said string, exit int, rule string) error {
	var report explain.Report
	dec := json.NewDecoder(strings.NewReader(said))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&report); err != nil {
		return fmt.Errorf("explain --json: %w", err)
	}
	switch {
	case dec.More():
		return fmt.Errorf("explain --json: more than one object")
	case !utf8.ValidString(said):
		return fmt.Errorf("explain --json: not UTF-8")
	case report.Exit != exit, report.Verdict != verdictOf[exit]:
		return fmt.Errorf("explain --json says %s (%d), and ends with %d", report.Verdict, report.Exit, exit)
	case report.Rule != rule:
		return fmt.Errorf("rule %s decided, want %s", report.Rule, rule)
	case report.Reason == "", report.Next == "":
		return fmt.Errorf("explain --json: no reason, or no next step")
	}
	return nil
}

// checkPage: a page of text, in 80 columns where words allow it, in plain
// characters, with the verdict on top and a next step at the end.
func checkPage(said string, exit int, rule string) error {
	lines := strings.Split(strings.TrimSuffix(said, "\n"), "\n")
	verdict := strings.ToUpper(strings.ReplaceAll(verdictOf[exit], "-", " "))
	if want := fmt.Sprintf(": %s (exit %d, rule %s)", verdict, exit, rule); !strings.HasSuffix(lines[0], want) {
		return fmt.Errorf("explain's first line is %q, want …%s", lines[0], want)
	}
	for i, line := range lines {
		if !plainText(line) {
			return fmt.Errorf("explain printed control characters: %q", line)
		}
		if width := utf8.RuneCountInString(line); i > 0 && width > 80 && breakable(line) {
			return fmt.Errorf("explain printed %d columns: %q", width, line)
		}
	}
	if !strings.Contains(said, "\nNext ") {
		return fmt.Errorf("explain named no next step:\n%s", said)
	}
	return nil
}

// labels are what wrapped text hangs behind: `Rules     YES same-file   `, ten
// columns, or the two before the reason.
var labels = regexp.MustCompile(`^(.{10}(YES|yes|no ) \S+ +|.{10} *|  )`)

// copied are the commands of an advice, which stay in one line however long.
var copied = regexp.MustCompile(`^(rm|ls -ld|ls -l|pidproof adopt -p|runuser -u|sh -Cc) `)

// breakable reports that a line holds more than a label and one long word, or a command.
func breakable(line string) bool {
	text := line[len(labels.FindString(line)):]
	return strings.Contains(text, " ") && !copied.MatchString(text)
}

// oneLine: exactly one line of plain text.
func oneLine(said string) bool {
	text, ended := strings.CutSuffix(said, "\n")
	return ended && text != "" && plainText(text)
}

func plainText(s string) bool {
	return bytes.IndexFunc([]byte(s), func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }) < 0
}
