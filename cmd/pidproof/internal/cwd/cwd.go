// Package cwd makes paths absolute without touching the working directory, which may
// lie on a file system that hangs.
package cwd

import (
	"os"
	"path/filepath"
)

// Absolute is a path from the root, as far as that can be told without a hang.
func Absolute(path string) string {
	if filepath.IsAbs(path) {
		return path // as it is: a/../b is not b where a is a link
	}
	cwd, err := os.Readlink("/proc/self/cwd") // Getwd may touch a file system that hangs
	if err != nil {
		return path
	}
	return cwd + "/" + path
}
