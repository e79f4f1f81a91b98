package say

import (
	"encoding/json"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// JSON writes an object for a program, which a person can read as well.
func JSON(w io.Writer, object any) error {
	enc := json.NewEncoder(textOnly{w})
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(object)
}

// textOnly escapes, in JSON, what Printable does. encoding/json leaves DEL, the control
// characters beyond ASCII and those that turn the text around as they are.
type textOnly struct{ io.Writer }

// Write makes no copy: there may be megabytes.
func (w textOnly) Write(written []byte) (int, error) {
	from := 0
	for at := 0; at < len(written); {
		r, size := utf8.DecodeRune(written[at:])
		if obeyed(r) { // it stands in a string: elsewhere JSON has ASCII alone
			if _, err := w.Writer.Write(written[from:at]); err != nil {
				return from, err
			}
			for _, unit := range utf16.AppendRune(nil, r) {
				if _, err := fmt.Fprintf(w.Writer, `\u%04x`, unit); err != nil {
					return at, err
				}
			}
			from = at + size
		}
		at += size
	}
	if _, err := w.Writer.Write(written[from:]); err != nil {
		return from, err
	}
	return len(written), nil
}

// obeyed are those that are no text, but the encoder's own line ends.
func obeyed(r rune) bool {
	return r != '\n' && (r == utf8.RuneError || !unicode.IsPrint(r))
}

// OrEmpty makes of no list one that is empty, which JSON tells from null.
func OrEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
