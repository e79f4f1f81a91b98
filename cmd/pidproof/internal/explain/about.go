package explain

import (
	"fmt"

	"pidproof/matcher"
)

// About says whom an answer is about.
func About(m matcher.Matched) string {
	if m.Pidfile.PID == 0 {
		return ""
	}
	return fmt.Sprintf(" about PID %d from %s", m.Pidfile.PID, m.Pidfile.Path)
}
