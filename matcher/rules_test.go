package matcher

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pidproof/matcher/internal/rules"
)

const fixtures = "../testdata/proc"

func fixtureFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(fixtures, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures in %s (%v)", fixtures, err)
	}
	return files
}

func TestFixtures(t *testing.T) {
	for _, file := range fixtureFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			f := loadFixture(t, file)
			report, err := f.host.check(context.Background(), f.in)
			if err != nil {
				t.Fatal(err)
			}
			if got := report.Verdict.String() + " " + string(report.Rule); got != f.want {
				t.Errorf("got %q, want %q\nreason: %s", got, f.want, report.Reason)
				if report.Main != nil {
					for _, s := range report.Main.Decision.Steps {
						t.Logf("%-12s %v %s", s.Rule, s.Applied, s.Why)
					}
				}
			}
			if f.file != "" && (report.Main == nil || report.Main.Decision.File.String() != f.file) {
				t.Errorf("main process %+v: want its file %s", report.Main, f.file)
			}
			if got := report.PIDs().Few(); f.pids != "" && got != f.pids {
				t.Errorf("got the main processes %s, want %s\nnotes: %q", got, f.pids, report.Notes)
			}
			roles := map[int]string{}
			for _, p := range report.Others {
				roles[p.Evidence.PID] = strings.TrimSpace(string(p.Role) + " " + strings.TrimPrefix(p.Instance, f.root))
			}
			for pid, want := range f.roles {
				if roles[pid] != want {
					t.Errorf("process %d: got role %q, want %q", pid, roles[pid], want)
				}
			}
		})
	}
}

// declaredRules are the Rule constants of decision.go.
func declaredRules(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "internal/rules/decision.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var rules []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Rule" {
			name, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			rules = append(rules, name)
		}
		return true
	})
	if len(rules) < 10 {
		t.Fatalf("found only the rules %v in decision.go", rules)
	}
	return rules
}

// A rule lives in three places: its constant, its line in doc.go, its fixture.
func TestEveryRuleIsDocumentedAndHasAFixture(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	proven := map[string]bool{string(rules.RuleDeadline): true} // TestDeadline: no text can be slow
	for _, file := range fixtureFiles(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if m := regexp.MustCompile(`(?m)^want: \S+ (\S+)$`).FindSubmatch(text); m != nil {
			proven[string(m[1])] = true
		} else {
			t.Errorf("%s has no line `want: VERDICT RULE`", file)
		}
	}
	for _, rule := range declaredRules(t) {
		if !strings.Contains(string(doc), "//   - "+rule+":") {
			t.Errorf("rule %s has no line in doc.go", rule)
		}
		if !proven[rule] {
			t.Errorf("rule %s has no fixture in %s", rule, fixtures)
		}
		delete(proven, rule)
	}
	for rule := range proven {
		t.Errorf("a fixture wants %s, which is no rule", rule)
	}
}

// A file server that does not answer: here, a clock that does not.
func TestDeadline(t *testing.T) {
	path := filepath.Join(fixtures, "same-file.txtar")
	f := loadFixture(t, path)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	ctx, cancel := context.WithCancel(context.Background())
	f.host.Boot = func() (time.Time, error) { cancel(); <-release; return fixtureBoot, nil }
	report, err := f.host.answer(ctx, f.in)
	if err != nil || report.Verdict != Unknown || report.Rule != rules.RuleDeadline {
		t.Errorf("got %v %v, %v; want unknown deadline", report.Verdict, report.Rule, err)
	}
	if !strings.Contains(report.Reason, "/proc/") {
		t.Errorf("reason %q does not say what was being read", report.Reason)
	}
}

// The daemon starts, and writes its pidfile, while all processes are looked at:
// it is not "another instance", and starting a second one is not safe.
func TestPidfileWrittenDuringTheScan(t *testing.T) {
	for _, before := range []string{"", "12abc\n"} {
		f := loadFixture(t, filepath.Join(fixtures, "same-file.txtar"))
		pidfile := f.path("run/daemon.pid")
		f.must(os.Remove(pidfile))
		if before != "" {
			f.write("run/daemon.pid", before, 0o644)
		}
		written := false
		f.host.Boot = func() (time.Time, error) {
			if !written {
				written = true
				f.must(os.RemoveAll(pidfile))
				f.write("run/daemon.pid", "4000001\n", 0o644)
			}
			return fixtureBoot, nil
		}
		report, err := f.host.check(context.Background(), f.in)
		if err != nil || !written || report.Verdict != Running {
			t.Errorf("pidfile %q before: got %v (%s), %v", before, report.Verdict, report.Reason, err)
		}
	}
}

// A pidfile that never stays the same answers nothing.
func TestPidfileRewrittenAllTheTime(t *testing.T) {
	f := loadFixture(t, filepath.Join(fixtures, "gone.txtar"))
	at := fixtureBoot
	f.host.Now = func() time.Time {
		at = at.Add(time.Minute)
		f.must(os.Chtimes(f.path("run/daemon.pid"), at, at))
		return at.Add(time.Hour)
	}
	report, err := f.host.check(context.Background(), f.in)
	if err != nil || report.Verdict != Unknown {
		t.Errorf("got %v (%s), %v", report.Verdict, report.Reason, err)
	}
}
