package main

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
)

// usageError says what is wrong with a command line in a script's terms. What it was, kong
// tells by how far it came; its own words are passed on, and never read.
func usageError(err error) string {
	complaint := strings.ReplaceAll(err.Error(), "\n", " ")
	var wrong *kong.ParseError
	if !errors.As(err, &wrong) || wrong.Context == nil {
		return complaint
	}
	ctx := wrong.Context
	cmd := ctx.Selected()
	switch {
	case cmd == nil && startsWithWord(ctx.Args):
		return "unknown command: " + complaint
	case cmd == nil:
		return complaint
	case ctx.Error != nil: // it did not come to the end of the line
		if startsWithWord(ctx.Path[len(ctx.Path)-1].Remainder()) && len(missingArguments(cmd)) == 0 && !isValueError(err) {
			return "one argument too many: " + complaint
		}
		return complaint
	}
	if missing := missingArguments(cmd); len(missing) == 1 {
		return "the argument " + missing[0] + " is missing"
	} else if len(missing) > 1 {
		return "the arguments " + strings.Join(missing, " and ") + " are missing"
	}
	for _, argument := range cmd.Positional { // as kong's usage line has it
		complaint = strings.ReplaceAll(complaint, argument.ShortSummary(), strings.ToUpper(argument.Name))
	}
	return complaint
}

func startsWithWord(words []string) bool { return len(words) > 0 && !strings.HasPrefix(words[0], "-") }

// missingArguments are those that the line has not given.
func missingArguments(cmd *kong.Node) (names []string) {
	for _, argument := range cmd.Positional {
		if argument.Required && !argument.Set {
			names = append(names, strings.ToUpper(argument.Name))
		}
	}
	return names
}

// valueError is what is wrong with the value of an option.
type valueError string

func (e valueError) Error() string { return string(e) }

func isValueError(err error) bool {
	var wrong valueError
	return errors.As(err, &wrong)
}

// popValue takes the next word for a value. kong's own would do that with errors that
// have no type outside of it.
func popValue(ctx *kong.DecodeContext) (string, error) {
	switch token := ctx.Scan.Pop(); {
	case token.IsEOL():
		return "", valueError("its value is missing")
	case !token.IsValue():
		return "", valueError(fmt.Sprintf("%q cannot be its value", token))
	default:
		return token.String(), nil
	}
}

// decodeText takes a value that is written otherwise. A number below 0, which kong takes for an
// option, is refused with what may be written.
func decodeText(ctx *kong.DecodeContext, to encoding.TextUnmarshaler) error {
	if next := ctx.Scan.Peek(); !next.IsEOL() {
		if _, err := parseTime(strings.TrimPrefix(next.String(), "-")); err == nil {
			return to.UnmarshalText([]byte(ctx.Scan.Pop().String()))
		}
	}
	value, err := popValue(ctx)
	if err != nil {
		return err
	}
	return to.UnmarshalText([]byte(value))
}

// verbatim takes a value byte by byte: kong's own mapper goes through JSON, which
// changes names that are not UTF-8.
func verbatim(ctx *kong.DecodeContext, target reflect.Value) error {
	value, err := popValue(ctx)
	if err == nil {
		target.SetString(value)
	}
	return err
}

// word is an option that stands alone: kong.BoolMapper.
type word struct{}

func (word) IsBool() bool { return true }

// Decode takes a value behind = that kong's own takes, too.
func (word) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	set := true
	if ctx.Scan.Peek().Type == kong.FlagValueToken {
		switch value := strings.ToLower(ctx.Scan.Pop().String()); value {
		case "yes", "no":
			set = value == "yes"
		case "true", "false", "1", "0":
			set, _ = strconv.ParseBool(value)
		default:
			return valueError("it takes no value behind =")
		}
	}
	target.SetBool(set)
	return nil
}
