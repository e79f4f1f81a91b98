package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// heard is what a tool said, in words that are the same in every run: names for the numbers, D and F for the paths.
func (q question) heard(said outcome) string {
	if said.Hung {
		return "hangs"
	}
	for _, text := range []string{said.Stdout, said.Stderr} {
		if line, _, _ := strings.Cut(strings.TrimLeft(text, "\n"), "\n"); line != "" {
			return fmt.Sprintf("says `%s`, exit %d", q.anonymous(line), said.Exit)
		}
	}
	return fmt.Sprintf("says nothing, exit %d", said.Exit)
}

var (
	digits      = regexp.MustCompile(`[0-9]+`)
	directories = regexp.MustCompile(`/[^ :'"]*/`) // of a path; its last part is the same everywhere
)

func (q question) anonymous(line string) string {
	paths := []string{q.Daemon, "D"}
	if q.named() {
		paths = append(paths, q.Pidfile, "F")
	}
	line = strings.NewReplacer(paths...).Replace(line)
	line = directories.ReplaceAllString(line, "")
	names := q.names()
	line = digits.ReplaceAllStringFunc(line, func(run string) string {
		if pid, err := strconv.Atoi(run); err == nil && names[pid] != "" {
			return "$" + names[pid]
		}
		return run
	})
	return printable(line)
}

// printable escapes what a terminal or a table would not show as it is.
func printable(line string) string {
	var text strings.Builder
	for _, r := range line {
		switch {
		case r == '`':
			text.WriteByte('\'')
		case unprintable(r) || r == '|':
			quoted := strconv.QuoteRuneToASCII(r)
			if r == '|' {
				quoted = `'\x7c'`
			}
			text.WriteString(quoted[1 : len(quoted)-1])
		default:
			text.WriteRune(r)
		}
	}
	return text.String()
}

func unprintable(r rune) bool { return r > unicode.MaxASCII || !unicode.IsPrint(r) }
