package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// refused are patches that a person has read and not taken, each with the reason. See scripts/patches/README.md.
var refused = map[string]string{
	"htpdate_htpdate":            "the daemon writes its pidfile with mode 0666, and pidproof acts on nothing that anybody may have written: stop would leave it running",
	"moonshot-trust-router_tids": "tids-wrapper, which the script calls its program, starts /usr/bin/tids in the background, and writes that one's pidfile",
}

// fileOf is where the patch of a script is kept.
func fileOf(s script) string { return s.Package + "_" + s.Name + ".patch" }

// text of the file: patch(1) passes over what comes before the first "---".
func (p patch) text() string {
	return fmt.Sprintf("%s %s: /etc/init.d/%s\n\n%s", p.script.Package, p.script.Version, p.script.Name, p.diff)
}

// writePatches replaces all patches in the folder.
func writePatches(folder string, patches []patch) error {
	old, err := filepath.Glob(filepath.Join(folder, "*.patch"))
	if err != nil {
		return err
	}
	for _, file := range old {
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, p := range patches {
		if reason := refused[p.script.Package+"_"+p.script.Name]; reason != "" || !strings.Contains(p.diff, "\n+") {
			continue
		}
		if err := os.WriteFile(filepath.Join(folder, fileOf(p.script)), []byte(p.text()), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// asInstalled is a diff of a file below a package's root as one of the file below /: audit names it as it lies here.
func asInstalled(diff string) string {
	head := len("--- a")
	at := strings.Index(diff, "/etc/init.d/")
	if at <= head {
		return diff
	}
	return strings.ReplaceAll(diff, diff[head:at], "")
}
