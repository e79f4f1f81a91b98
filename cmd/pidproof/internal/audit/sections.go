package audit

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// rotations are the scripts of a file of logrotate(8): what stands between postrotate, or its
// like, and endscript. Everything else is left blank, so that lines keep their numbers.
func rotations(text string) (parts []part) {
	var inside bool
	var before, block strings.Builder
	flush := func() {
		if strings.TrimSpace(block.String()) != "" {
			parts = append(parts, part{block.String(), syntax.LangPOSIX})
		}
		block.Reset()
	}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case !inside:
			if rest, is := scriptBegins(words); is {
				inside = true
				block.WriteString(before.String() + rest + "\n")
			}
		case len(words) > 0 && words[0] == "endscript":
			flush()
			inside = false
		default:
			block.WriteString(line)
		}
		before.WriteString("\n")
	}
	flush()
	return parts
}

// scriptBegins: what is behind the word on its line is the script's, too.
func scriptBegins(words []string) (rest string, is bool) {
	for i, word := range words {
		switch {
		case strings.HasPrefix(word, "#"):
			return "", false
		case slices.Contains([]string{"postrotate", "prerotate", "firstaction", "lastaction", "preremove"}, word):
			return strings.Join(words[i+1:], " "), true
		}
	}
	return "", false
}

var unescapedPercent = pattern(`(^|[^\\])%`)

// crontab are the commands of a file of cron.d, see crontab(5): five words, or one that
// begins with @, and a user stand before each; a % ends it, and what it reads is behind that.
func crontab(text string) (parts []part) {
	number := 0
	for line := range strings.Lines(text) {
		number++
		words := strings.TrimSpace(line)
		fields := 6
		if strings.HasPrefix(words, "@") {
			fields = 2
		}
		if words == "" || words[0] == '#' || len(strings.Fields(words)) <= fields || strings.Contains(strings.Fields(words)[0], "=") {
			continue
		}
		rest := strings.TrimRight(line, "\n")
		for range fields {
			rest = strings.TrimLeft(rest, " \t")
			if end := strings.IndexAny(rest, " \t"); end >= 0 {
				rest = rest[end:]
			}
		}
		column := len(strings.TrimRight(line, "\n")) - len(rest)
		if percent := unescapedPercent.Compiled().FindStringIndex(rest); percent != nil {
			rest = rest[:percent[1]-1]
		}
		parts = append(parts, part{strings.Repeat("\n", number-1) + strings.Repeat(" ", column) + rest, syntax.LangPOSIX})
	}
	return parts
}
