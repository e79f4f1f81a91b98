// Sbom writes the bill of materials of a release, in SPDX 2.3: its files, and which modules the program in them is built of,
// as the program itself says (go version -m). The same release gives the same bytes.
//
//	sbom -version V -date SECONDS -binary FILE... -- FILE...
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/spdx/tools-golang/json"
)

func main() {
	version := flag.String("version", "", "the release's `version`")
	date := flag.Int64("date", 0, "when it was made, in `seconds` since 1970")
	var binaries several
	flag.Var(&binaries, "binary", "a program in it, the `file`; once for each architecture")
	flag.Parse()
	if err := write(*version, time.Unix(*date, 0), binaries, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

// several is an option that may be given again.
type several []string

func (s *several) String() string { return fmt.Sprint(*s) }

func (s *several) Set(value string) error {
	*s = append(*s, value)
	return nil
}

func write(version string, date time.Time, binaries, files []string) error {
	modules, err := modulesOf(binaries)
	if err != nil {
		return err
	}
	artefacts, err := sumsOf(files)
	if err != nil {
		return err
	}
	doc, err := document(version, date, modules, artefacts)
	if err != nil {
		return err
	}
	return json.Write(doc, os.Stdout, json.Indent("  "))
}
