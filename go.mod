module pidproof

// Debian 13 has Go 1.24. Each library is at the newest version that asks for no later one; go vet finds what Go 1.24 lacks.
go 1.24.0

require (
	github.com/alecthomas/kong v1.17.0
	github.com/google/renameio/v2 v2.0.1
	github.com/kballard/go-shellquote v0.0.0-20180428030007-95032a82bc51
	github.com/prometheus/procfs v0.19.2
	golang.org/x/sys v0.41.0
)

require mvdan.cc/sh/v3 v3.12.0

// For tests only. Theirs are packages of this module, which see what nobody outside of it may.
require (
	github.com/rogpeppe/go-internal v1.14.1
	golang.org/x/tools v0.31.0 // indirect
	pgregory.net/rapid v1.3.0
)

// A test: `go mod tidy` looks below no testdata, and would drop rapid.
tool pidproof/testdata/histories
