package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"
	"github.com/spdx/tools-golang/tagvalue"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// program is pidproof as it is released.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sbom-")
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w", "-o", dir+"/pidproof", "./cmd/pidproof")
	cmd.Dir, cmd.Env = "../../..", append(os.Environ(), "CGO_ENABLED=0")
	said, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%v: %w: %s", cmd, err, said)
	}
	return dir + "/pidproof", err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if binary, err := program(); err == nil {
		_ = os.RemoveAll(filepath.Dir(binary))
	}
	os.Exit(code)
}

// build gives the program, and a file of a release.
func build(t *testing.T) (binary, file string) {
	t.Helper()
	binary, err := program()
	must(t, err)
	file = t.TempDir() + "/pidproof-0.2.0+x-1.x86_64.rpm"
	must(t, os.WriteFile(file, []byte("a package\n"), 0o644))
	return binary, file
}

// SPDX's own library reads the document, in both forms, and finds all that is asked of one.
func TestDocument(t *testing.T) {
	binary, file := build(t)
	modules, err := modulesOf([]string{binary, binary})
	must(t, err)
	artefacts, err := sumsOf([]string{file})
	must(t, err)
	doc, err := document("0.2.0", time.Unix(1767323045, 0), modules, artefacts)
	must(t, err)
	var text, tags bytes.Buffer
	must(t, json.Write(doc, &text))
	read, err := json.Read(bytes.NewReader(text.Bytes()))
	must(t, err)
	must(t, tagvalue.Write(read, &tags))
	if again, err := tagvalue.Read(&tags); err != nil || len(again.Packages) != len(doc.Packages) {
		t.Errorf("as tags and values: %v, %v", again, err)
	}
	if read.SPDXVersion != "SPDX-2.3" || read.DataLicense != "CC0-1.0" || read.CreationInfo.Created != "2026-01-02T03:04:05Z" {
		t.Errorf("its head is %+v, %+v", read, read.CreationInfo)
	}
	checkPackages(t, read)
	at := slices.IndexFunc(read.Packages, func(p *v2_3.Package) bool { return p.PackageFileName == filepath.Base(file) })
	if at < 0 {
		t.Fatalf("it has no %s", file)
	}
	if sums := read.Packages[at].PackageChecksums; len(sums) != 1 || sums[0].Algorithm != "SHA256" || sums[0].Value != "c5919a885d0e983e8bcfedc3ad1ab67b4020c2c31be5bfc2e8117f072fdc9106" {
		t.Errorf("the file's sums are %v", sums)
	}
}

// checkPackages looks for what the library does not: each identifier is one, stands for one package, and leads to one.
func checkPackages(t *testing.T, doc *v2_3.Document) {
	t.Helper()
	identifiers := map[string]bool{"DOCUMENT": true}
	for _, p := range doc.Packages {
		id := string(p.PackageSPDXIdentifier)
		if identifiers[id] || !regexp.MustCompile(`^[A-Za-z0-9.-]+$`).MatchString(id) {
			t.Errorf("%s is no identifier, or somebody else's", id)
		}
		identifiers[id] = true
		if p.PackageName == "" || p.PackageVersion == "" || p.PackageLicenseDeclared == "" || p.PackageDownloadLocation == "" {
			t.Errorf("something is missing of %+v", p)
		}
	}
	for _, r := range doc.Relationships {
		if !identifiers[string(r.RefA.ElementRefID)] || !identifiers[string(r.RefB.ElementRefID)] {
			t.Errorf("%v leads nowhere", r)
		}
	}
}

// Every module in the program is in the document, and its licence's text is what goes with the program.
func TestModules(t *testing.T) {
	binary, _ := build(t)
	said, err := exec.Command("go", "version", "-m", binary).Output()
	must(t, err)
	notices, err := os.ReadFile("../../../docs/third-party-notices.txt")
	must(t, err)
	modules, err := modulesOf([]string{binary})
	must(t, err)
	linked := regexp.MustCompile(`(?m)^\tdep\t(\S+)\t(\S+)`).FindAllStringSubmatch(string(said), -1)
	if len(linked) == 0 || len(linked)+1 != len(modules) || len(modules) != len(licences) {
		t.Fatalf("go version -m has %d modules, we %d, and licences of %d", len(linked), len(modules), len(licences))
	}
	for _, dep := range linked {
		if !slices.Contains(modules, module{dep[1], dep[2]}) {
			t.Errorf("%s %s is missing", dep[1], dep[2])
		}
		if !strings.Contains(string(notices), "==== "+dep[1]+" "+dep[2]+" ====") {
			t.Errorf("docs/third-party-notices.txt has no %s %s: make notices", dep[1], dep[2])
		}
	}
}

func TestRefuses(t *testing.T) {
	binary, file := build(t)
	unknown, err := os.Executable() // this test, which has SPDX's library in it
	must(t, err)
	for _, c := range []struct {
		version         string
		binaries, files []string
		want            string
	}{
		{"", []string{binary}, []string{file}, "no -version was given"},
		{"0.2.0", nil, []string{file}, "no -binary was given"},
		{"0.2.0", []string{binary}, nil, "no file of the release was given"},
		{"0.2.0", []string{file}, []string{file}, file},
		{"0.2.0", []string{binary}, []string{filepath.Dir(file) + "/none"}, "none"},
		{"0.2.0", []string{unknown}, []string{file}, "whose licence is that of "},
		{"0.2.0", []string{binary, unknown}, []string{file}, binary + " is built of "},
	} {
		if err := write(c.version, time.Time{}, c.binaries, c.files); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
