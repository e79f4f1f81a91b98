package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// patience is a duration; a bare number means seconds.
type patience time.Duration

func (p patience) String() string { return time.Duration(p).String() }

func (p *patience) Decode(ctx *kong.DecodeContext) error { return decodeText(ctx, p) }

func (p *patience) UnmarshalText(text []byte) error {
	d, err := parseTime(string(text))
	if err != nil || d <= 0 {
		return fmt.Errorf("%q is no time above 0 (10, 10s, 500ms)", text)
	}
	*p = patience(d)
	return nil
}

func parseTime(s string) (time.Duration, error) {
	if strings.Trim(s, "0123456789.") == "" {
		s += "s"
	}
	d, err := time.ParseDuration(s)
	return min(d, longest), err
}

// longest is as good as forever, and can be added to.
const longest = 10 * 365 * 24 * time.Hour
