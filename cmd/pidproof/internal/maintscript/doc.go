// Package maintscript knows for which package a maintainer script of dpkg's calls us, and
// whether dpkg has done with a package.
package maintscript
