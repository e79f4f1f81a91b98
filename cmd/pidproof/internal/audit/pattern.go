package audit

import (
	"regexp"
	"sync"
)

// pattern compiles when it is first needed: a check, which needs none, would compile them all
// at its start.
func pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
