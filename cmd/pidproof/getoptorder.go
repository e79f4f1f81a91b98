package main

import (
	"slices"
	"strings"
)

// getoptOrder puts the options of pidof before the programs, as getopt(3) does,
// and each value to its option: kong wants the programs together, and takes no
// value that looks like an option.
func getoptOrder(args []string) []string {
	at := slices.IndexFunc(args, isWord)
	if at > 0 && args[at-1] == "--timeout" {
		at++
	}
	if at < 0 || at >= len(args) || args[at] != "pidof" {
		return args
	}
	ordered, programs := slices.Clone(args[:at+1]), []string{"--"}
	for rest := args[at+1:]; len(rest) > 0; {
		word := rest[0]
		rest = rest[1:]
		switch {
		case word == "--":
			programs, rest = append(programs, rest...), nil
		case isWord(word):
			programs = append(programs, word)
		case strings.HasPrefix(word, "--"):
			ordered = append(ordered, word)
			if slices.Contains([]string{"--separator", "--omit", "--timeout"}, word) && len(rest) > 0 {
				ordered[len(ordered)-1] += "=" + rest[0]
				rest = rest[1:]
			}
		default:
			var options []string
			options, rest = splitLetters(word[1:], rest)
			if options == nil {
				return args // kong says that the value is missing
			}
			ordered = append(ordered, options...)
		}
	}
	if len(programs) == 1 {
		return ordered
	}
	return append(ordered, programs...)
}

func isWord(word string) bool { return len(word) < 2 || word[0] != '-' }

// splitLetters takes a word of options apart: -sd, is -s and -d with a comma, and
// the value of a last -d or -o is the next word. Without one there are none.
func splitLetters(letters string, rest []string) (options, left []string) {
	values := map[byte]string{'d': "--separator=", 'o': "--omit="}
	for i := range len(letters) {
		long, takesValue := values[letters[i]]
		switch {
		case takesValue && i+1 < len(letters):
			return append(options, long+letters[i+1:]), rest
		case takesValue && len(rest) == 0:
			return nil, nil
		case takesValue:
			return append(options, long+rest[0]), rest[1:]
		}
		options = append(options, "-"+letters[i:i+1])
	}
	return options, rest
}
