package say

import (
	"encoding/json"
	"io"
)

// JSON writes an object for a program, which a person can read as well.
func JSON(w io.Writer, object any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(object)
}

// OrEmpty makes of no list one that is empty, which JSON tells from null.
func OrEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
