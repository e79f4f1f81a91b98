package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// docs/audit.md is what this program writes of what stands in it, and shows at least as many packages as were asked for
// (issue 17.4).
func TestPage(t *testing.T) {
	content, err := os.ReadFile("../../../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	p := read(string(content))
	if got := p.String(); got != string(content) {
		t.Errorf("docs/audit.md is not what the generator writes now: make audit-census\n%s", differ(string(content), got))
	}
	names, err := packageNames("../packages")
	if err != nil || len(names) < 200 || len(p.Scripts) < 200 {
		t.Errorf("%d packages in the list, %d scripts on the page: %v", len(names), len(p.Scripts), err)
	}
}

// The page's figures for the labelled scripts are today's.
func TestPageTruth(t *testing.T) {
	if err := os.Chdir("../../.."); err != nil {
		t.Fatal(err)
	}
	defer os.Chdir("testdata/audit/census")
	truth, err := groundTruth()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(pageFile)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(content), truth+".\n") {
		t.Errorf("the labelled scripts: %s; docs/audit.md has other figures: make audit-census", truth)
	}
}

// What the README shows of an init script is what the patch of apache2's has (issue 17.3).
func TestReadmeSnippet(t *testing.T) {
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "<!-- snippet: init-script -->\n```sh\n")
	snippet, _, found := strings.Cut(rest, "```\n")
	patch, err := os.ReadFile("../../../scripts/patches/apache2_apache2.patch")
	if err != nil || !found {
		t.Fatalf("the snippet: %v; %v", found, err)
	}
	var lines strings.Builder
	for line := range strings.Lines(snippet) {
		lines.WriteString("+\t\t" + line)
	}
	if !strings.Contains(string(patch), "\n"+lines.String()) {
		t.Errorf("the patch\n%s\ndoes not have the README's\n%s", patch, snippet)
	}
}

// NEWS has as many patches as there are.
func TestNewsCountsPatches(t *testing.T) {
	kept, err := filepath.Glob(filepath.Join("../../../", patchesIn, "*.patch"))
	if err != nil {
		t.Fatal(err)
	}
	news, err := os.ReadFile("../../../NEWS.md")
	if err != nil {
		t.Fatal(err)
	}
	if said := fmt.Sprintf("the patches for %d of them", len(kept)); !strings.Contains(string(news), said) {
		t.Errorf("NEWS.md does not say %q", said)
	}
}

func differ(a, b string) string {
	was, is := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range was {
		if i >= len(is) || was[i] != is[i] {
			return was[i] + "\n" + strings.Join(is[min(i, len(is)):min(i+1, len(is))], "")
		}
	}
	return "the rest is missing"
}

// The patches of the labelled scripts are what audit --patch prints today (issue 17.3).
func TestPatches(t *testing.T) {
	archive, err := txtar.ParseFile("../scripts.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "pidproof")
	if said, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, "../../../cmd/pidproof").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	seen := 0
	for _, f := range archive.Files {
		words := strings.Fields(f.Name)
		root := filepath.Join(dir, words[1])
		if err := os.MkdirAll(filepath.Join(root, "etc", "init.d"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(root, "DEBIAN"), 0o755); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{"etc/init.d/" + words[0]: string(f.Data), "DEBIAN/control": "Version: " + words[2] + "\n"} {
			if err := os.WriteFile(filepath.Join(root, file), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		_, patches, err := auditPackage(program, root, words[1])
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range patches {
			if p.script.Name != words[0] || refused[p.script.Package+"_"+p.script.Name] != "" {
				continue
			}
			kept, err := os.ReadFile(filepath.Join("../../../", patchesIn, fileOf(p.script)))
			if err != nil {
				t.Error(err)
				continue
			}
			seen++
			_, diff, _ := strings.Cut(string(kept), "\n\n") // behind the version, which was another when the script was labelled
			if diff != p.diff {
				t.Errorf("%s is not what audit --patch prints now: make audit-census\n%s", fileOf(p.script), differ(diff, p.diff))
			}
		}
	}
	if seen < 15 {
		t.Errorf("only %d of the labelled scripts have a patch", seen)
	}
}
