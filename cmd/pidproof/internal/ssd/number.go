package ssd

import (
	"strconv"
	"strings"
)

// parseUnsigned reads a number up to 2147483647 as dpkg does, with strtol(3): blanks
// and a sign may stand before it, and in base 0 a 0 or 0x says octal or hexadecimal.
func parseUnsigned(s string, base int) (int, error) {
	digits := strings.TrimLeft(s, " \t\n\v\f\r")
	negative := strings.HasPrefix(digits, "-")
	if negative || strings.HasPrefix(digits, "+") {
		digits = digits[1:]
	}
	if base == 0 {
		base = 10
		switch {
		case strings.HasPrefix(digits, "0x"), strings.HasPrefix(digits, "0X"):
			base, digits = 16, digits[2:]
		case strings.HasPrefix(digits, "0"):
			base = 8
		}
	}
	n, err := strconv.ParseUint(digits, base, 31)
	if err == nil && negative && n > 0 {
		err = strconv.ErrRange
	}
	return int(n), err
}
