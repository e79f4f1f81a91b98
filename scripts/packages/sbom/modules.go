package main

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"slices"
)

// module is what a program is built of. The Go standard library is one, too.
type module struct{ path, version string }

const standardLibrary = "stdlib" // so it is called in package URLs

// licences are what the modules declare, by SPDX's names; docs/third-party-notices.txt has their texts. One that is missing
// here is an error: nobody has looked at it yet.
var licences = map[string]string{
	standardLibrary:                     "BSD-3-Clause",
	"github.com/alecthomas/kong":        "MIT",
	"github.com/google/renameio/v2":     "Apache-2.0",
	"github.com/kballard/go-shellquote": "MIT",
	"github.com/prometheus/procfs":      "Apache-2.0",
	"golang.org/x/sys":                  "BSD-3-Clause",
	"mvdan.cc/sh/v3":                    "BSD-3-Clause",
}

// modulesOf reads what Go has written into the programs. They are one program, for several architectures.
func modulesOf(binaries []string) (modules []module, err error) {
	if len(binaries) == 0 {
		return nil, errors.New("no -binary was given")
	}
	for i, binary := range binaries {
		info, err := buildinfo.ReadFile(binary)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", binary, err)
		}
		built := []module{{standardLibrary, info.GoVersion}}
		for _, dep := range info.Deps {
			if dep.Replace != nil {
				dep = dep.Replace
			}
			built = append(built, module{dep.Path, dep.Version})
		}
		if i > 0 && !slices.Equal(built, modules) {
			return nil, fmt.Errorf("%s is built of %v, %s of %v", binaries[0], modules, binary, built)
		}
		modules = built
	}
	for _, m := range modules {
		if licences[m.path] == "" {
			return nil, fmt.Errorf("whose licence is that of %s? scripts/packages/sbom/modules.go has the others'", m.path)
		}
	}
	return modules, nil
}
