// Package lazyregexp compiles regular expressions when they are first needed: a check, which
// needs none, would compile them all at its start.
package lazyregexp

import (
	"regexp"
	"sync"
)

// Expression is one in the syntax of package regexp. A constant of this type costs nothing at
// start, which a sync.OnceValue does.
type Expression string

var compiled sync.Map // by expression

// Compiled panics as regexp.MustCompile does.
func (e Expression) Compiled() *regexp.Regexp {
	if known, is := compiled.Load(e); is {
		return known.(*regexp.Regexp)
	}
	re := regexp.MustCompile(string(e))
	compiled.Store(e, re)
	return re
}
