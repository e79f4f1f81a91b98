package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"
)

// artefact is a file of the release.
type artefact struct{ name, sha256 string }

func sumsOf(files []string) (artefacts []artefact, err error) {
	if len(files) == 0 {
		return nil, errors.New("no file of the release was given")
	}
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		sum := sha256.New()
		_, err = io.Copy(sum, file)
		if err := errors.Join(err, file.Close()); err != nil {
			return nil, err
		}
		artefacts = append(artefacts, artefact{filepath.Base(name), hex.EncodeToString(sum.Sum(nil))})
	}
	return artefacts, nil
}

const nobodyKnows = "NOASSERTION"

// document says: each file of the release has pidproof in it, and pidproof is built of the modules.
func document(version string, date time.Time, modules []module, artefacts []artefact) (*v2_3.Document, error) {
	if version == "" {
		return nil, errors.New("no -version was given")
	}
	self := pack("pidproof", version, "MIT", "APPLICATION")
	doc := &v2_3.Document{
		SPDXVersion: v2_3.Version, DataLicense: v2_3.DataLicense, SPDXIdentifier: "DOCUMENT", DocumentName: "pidproof-" + version,
		CreationInfo: &v2_3.CreationInfo{
			Creators: []common.Creator{{CreatorType: "Tool", Creator: "pidproof-sbom"}},
			Created:  date.UTC().Format(time.RFC3339),
		},
		Packages: []*v2_3.Package{self},
	}
	sums := sha256.New()
	for _, a := range artefacts {
		fmt.Fprintln(sums, a.name, a.sha256)
		p := pack(a.name, version, "MIT", purpose(a.name))
		p.PackageFileName = a.name
		p.PackageChecksums = []common.Checksum{{Algorithm: common.SHA256, Value: a.sha256}}
		doc.Packages = append(doc.Packages, p)
		relate(doc, "DOCUMENT", "DESCRIBES", p.PackageSPDXIdentifier)
		relate(doc, p.PackageSPDXIdentifier, "CONTAINS", self.PackageSPDXIdentifier)
	}
	for _, m := range modules {
		p := pack(m.path, m.version, licences[m.path], "LIBRARY")
		p.PackageExternalReferences = []*v2_3.PackageExternalReference{{
			Category: common.CategoryPackageManager, RefType: common.TypePackageManagerPURL,
			Locator: "pkg:golang/" + m.path + "@" + strings.TrimPrefix(m.version, "go"),
		}}
		doc.Packages = append(doc.Packages, p)
		relate(doc, self.PackageSPDXIdentifier, "STATIC_LINK", p.PackageSPDXIdentifier)
	}
	// Each document has a name of its own, spdx-spec 6.5: of another release's files, another.
	doc.DocumentNamespace = fmt.Sprintf("https://spdx.org/spdxdocs/%s-%x", doc.DocumentName, sums.Sum(nil))
	return doc, nil
}

// pack is what all have in common. What is in its files was looked at by nobody but Go.
func pack(name, version, licence, purpose string) *v2_3.Package {
	return &v2_3.Package{
		PackageName: name, PackageVersion: version, PackageSPDXIdentifier: identifier(name),
		PackageDownloadLocation: nobodyKnows, IsFilesAnalyzedTagPresent: true,
		PackageLicenseConcluded: nobodyKnows, PackageLicenseDeclared: licence, PackageCopyrightText: nobodyKnows,
		PrimaryPackagePurpose: purpose,
	}
}

// purpose is one of spdx-spec 7.24's.
func purpose(file string) string {
	switch filepath.Ext(file) {
	case ".deb", ".rpm", ".apk":
		return "INSTALL"
	}
	return "SOURCE"
}

var notInIdentifiers = regexp.MustCompile(`[^A-Za-z0-9.]+`)

// identifier has letters, digits, dots and hyphens only: spdx-spec 7.2.
func identifier(name string) common.ElementID {
	return common.ElementID("Package-" + notInIdentifiers.ReplaceAllString(name, "-"))
}

func relate(doc *v2_3.Document, from common.ElementID, how string, to common.ElementID) {
	doc.Relationships = append(doc.Relationships, &v2_3.Relationship{
		RefA: common.MakeDocElementID("", string(from)), RefB: common.MakeDocElementID("", string(to)), Relationship: how,
	})
}
