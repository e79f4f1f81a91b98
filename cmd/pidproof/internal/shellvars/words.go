package shellvars

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// shellOnly is what a shell may expand or take for an operator outside quotes.
// Some of it is harmless after a =, or in some shells; all of it is refused, so
// that nobody has to know where.
const shellOnly = "$`;&|<>()*?[{~"

// Words splits a command as a shell does, for execution without one. What only a
// shell could do is an error.
func Words(command string) ([]string, error) {
	if err := readable(command); err != nil {
		return nil, err
	}
	words := []string{}
	for rest := strings.TrimLeft(command, " \t"); rest != ""; rest = strings.TrimLeft(rest, " \t") {
		if rest[0] == '#' {
			return nil, fmt.Errorf("a word begins with #, a comment to a shell: quote it ('#...')")
		}
		end, err := wordEnd(rest)
		if err != nil {
			return nil, err
		}
		word, err := unquoted(rest[:end])
		if err != nil {
			return nil, err
		}
		words, rest = append(words, word), rest[end:]
	}
	return words, nil
}

// wordEnd is where the first word of text ends: at an unquoted blank.
func wordEnd(text string) (int, error) {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == ' ' || r == '\t':
			return i, nil
		case r == '\\' && i+1 == len(text):
			return 0, fmt.Errorf("it ends in a backslash: write it on one line, or quote the backslash ('\\')")
		case r == '\\':
			size = 2 // of a longer character the rest stands for itself
		case r == '\'':
			length := strings.IndexByte(text[i+1:], '\'')
			if length < 0 {
				return 0, fmt.Errorf("a ' is not closed: close it on the same line")
			}
			size = 1 + length + 1
		case r == '"':
			length, err := doubleQuoted(text[i+1:])
			if err != nil {
				return 0, err
			}
			size = 1 + length + 1
		case unicode.IsSpace(r): // a blank to yash, not to the others
			return 0, fmt.Errorf("it holds the blank %U: quote it, or write a plain one", r)
		case strings.ContainsRune(shellOnly, r):
			return 0, fmt.Errorf("an unquoted %c means something to a shell, and there is none here: quote it ('%c'), or write its result", r, r)
		}
		i += size
	}
	return len(text), nil
}

// doubleQuoted is how much of text stands before the closing ".
func doubleQuoted(text string) (int, error) {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			return i, nil
		case '\\':
			i++ // at the end of text: not closed
		case '$', '`':
			return 0, fmt.Errorf("a shell would expand %c inside \"...\", and there is none here: use '...', or write its result", text[i])
		}
	}
	return 0, fmt.Errorf("a \" is not closed: close it on the same line")
}

// Quote writes a word so that Words, Parse and every shell read it as it is. (What
// shellquote.Join writes for #x is a comment, and for x~ nothing that Words accepts.)
func Quote(word string) string {
	const plain = "%+,-./:=@_"
	special := func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(plain, r))
	}
	if word != "" && strings.IndexFunc(word, special) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
