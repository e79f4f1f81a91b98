package stop

import (
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/matcher"
)

// RemovePidfile removes one; that it could not be removed stops nobody.
func RemovePidfile(c *say.Console, p matcher.Pidfile) {
	if err := p.Remove(); err != nil {
		c.Warn("%v", err)
	}
}
