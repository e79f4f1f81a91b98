// Floor is what pidproof is measured against: what starting and ending any static Go program costs that links the
// libraries which the project was given.
package main

import (
	_ "github.com/alecthomas/kong"
	_ "github.com/prometheus/procfs"
	_ "golang.org/x/sys/unix"
)

func main() {}
