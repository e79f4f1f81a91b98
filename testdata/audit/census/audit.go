package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

// script is what the audit says of one.
type script struct {
	Name, Package, Version string
	Covered, Replaced      int
	Left                   []string // kinds, each with its number
	Unread                 bool
}

// patch is what audit --patch prints for one.
type patch struct {
	script script
	diff   string
}

func auditPackage(program, root, name string) (scripts []script, patches []patch, err error) {
	entries, err := os.ReadDir(filepath.Join(root, "etc", "init.d"))
	if err != nil && !os.IsNotExist(err) {
		return nil, nil, err
	}
	version, err := versionOf(root)
	if err != nil && len(entries) > 0 {
		return nil, nil, err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() { // upstart's links to another script
			continue
		}
		s, err := auditScript(program, root, e.Name())
		if err != nil {
			return nil, nil, err
		}
		s.Name, s.Package, s.Version = e.Name(), name, version
		scripts = append(scripts, s)
		if s.Replaced > 0 {
			diff, _, err := run(program, root, "audit", "--patch", "etc/init.d/"+s.Name)
			if err != nil {
				return nil, nil, err
			}
			patches = append(patches, patch{s, asInstalled(string(diff))})
		}
	}
	return scripts, patches, nil
}

func versionOf(root string) (string, error) {
	control, err := os.ReadFile(filepath.Join(root, "DEBIAN", "control"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(control)) {
		if version, is := strings.CutPrefix(line, "Version: "); is {
			return strings.TrimSpace(version), nil
		}
	}
	return "", fmt.Errorf("%s: the package has no version", root)
}

func auditScript(program, root, name string) (s script, err error) {
	said, code, err := run(program, root, "audit", "--json", "etc/init.d/"+name)
	if err != nil {
		return s, err
	}
	var report struct {
		Findings []struct {
			File      string `json:"file"`
			Kind      string `json:"kind"`
			CoveredBy string `json:"covered_by"`
			Patchable bool   `json:"patchable"`
		} `json:"findings"`
	}
	if err := json.Unmarshal(said, &report); err != nil {
		return s, fmt.Errorf("%s of %s: %w", name, root, err)
	}
	left := map[string]int{}
	for _, f := range report.Findings {
		switch {
		case f.File != "etc/init.d/"+name: // this host's, which the script reads
		case f.CoveredBy != "":
			s.Covered++
		case f.Patchable:
			s.Replaced++
		default:
			left[f.Kind]++
		}
	}
	for kind, n := range left {
		s.Left = append(s.Left, fmt.Sprintf("%s %d", kind, n))
	}
	sort.Strings(s.Left)
	s.Unread = code == 4
	return s, nil
}

// run runs the audit in a package's root. Its exit code is 4 where something cannot be read as a shell script.
func run(program, root string, args ...string) (stdout []byte, code int, err error) {
	cmd := exec.Command(program, args...)
	cmd.Dir = root
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || !slices.Contains([]int{1, 4}, exit.ExitCode())) {
		return nil, 0, fmt.Errorf("%s in %s: %w: %s", strings.Join(args, " "), root, err, said.String())
	}
	return out.Bytes(), cmd.ProcessState.ExitCode(), nil
}
