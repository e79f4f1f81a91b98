package matcher

import (
	"strings"
	"unicode/utf8"
)

// What is kept of each process of a survey, of which anybody may start thousands: of
// arguments, of the path of its program, and of reasons, in which there may be that of a
// script, the beginning.
const (
	keptArguments = 1 << 10
	keptLink      = 512
	keptReason    = 512
)

// lighten lets go of what nobody needs of a process after the rules have decided. The words
// of its arguments are parts of one text, which the first of them would keep.
func (p *Process) lighten() {
	p.Evidence.Scripts = nil
	p.Evidence.Exe.Value.Link = beginning(p.Evidence.Exe.Value.Link, keptLink)
	p.Decision.Why = beginning(p.Decision.Why, keptReason)
	argv := p.Evidence.Argv.Value
	if argv == nil {
		return
	}
	kept, left := make([]string, 0, min(len(argv), 8)), keptArguments
	for _, word := range argv {
		if left -= len(word) + 1; left < 0 {
			if cut := beginning(word, left+len(word)+1); len(kept) == 0 || cut != "" {
				kept = append(kept, cut)
			}
			break
		}
		kept = append(kept, strings.Clone(word))
	}
	p.Evidence.Argv.Value = kept
}

// beginning is a text of so many bytes at most, with an ellipsis where it was cut off.
func beginning(text string, most int) string {
	const ellipsis = "..."
	if len(text) <= most {
		return text
	}
	if most = max(0, most-len(ellipsis)); most == 0 {
		return ""
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + ellipsis // not a part of the whole, which would be kept
}
