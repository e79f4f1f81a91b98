package ssd

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// ErrUnknownOption is wrapped by Parse's error for an option that the dialect does
// not have. A newer program may: the whole line is for the real one.
var ErrUnknownOption = errors.New("unknown option")

// setting is one option as it stands on the line, or what is wrong with it.
type setting struct {
	option Option // zero if it is unknown or ambiguous
	value  string
	err    error
}

// split sorts a line into options and operands as getopt_long(3) does, which
// permutes: options may follow operands, unless POSIXLY_CORRECT is set. An error does
// not end it, since a --status further on still changes the exit code.
func (known dialectOptions) split(args []string) (settings []setting, operands []string) {
	_, posix := os.LookupEnv("POSIXLY_CORRECT")
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return settings, append(operands, args...)
		case strings.HasPrefix(arg, "--"):
			var s setting
			s, args = known.splitLong(arg[2:], args)
			settings = append(settings, s)
		case strings.HasPrefix(arg, "-") && arg != "-":
			var several []setting
			several, args = known.splitShort(arg[1:], args)
			settings = append(settings, several...)
		case posix:
			return settings, append([]string{arg}, args...)
		default:
			operands = append(operands, arg)
		}
	}
	return settings, operands
}

// splitLong reads name or name=value; rest is what follows on the line, and
// comes back without what it took from there.
func (known dialectOptions) splitLong(arg string, rest []string) (setting, []string) {
	name, value, joined := strings.Cut(arg, "=")
	o, err := known.findLong(name)
	switch {
	case err != nil:
		return setting{err: err}, rest
	case o.Value == "" && joined:
		return setting{option: o, err: fmt.Errorf("--%s takes no value: write --%[1]s alone", o.Long)}, rest
	case o.Value == "" || joined:
		return setting{option: o, value: value}, rest
	}
	return takeValue(o, rest)
}

// splitShort reads -abc, -ovalue and -o value, less the dash.
func (known dialectOptions) splitShort(letters string, rest []string) (settings []setting, left []string) {
	for letters != "" {
		letter := letters[0]
		letters = letters[1:]
		o, found := known.findShort(letter)
		switch {
		case !found:
			err := fmt.Errorf("%w %q", ErrUnknownOption, "-"+string([]byte{letter}))
			settings = append(settings, setting{err: err})
		case o.Value == "":
			settings = append(settings, setting{option: o})
		case letters != "":
			return append(settings, setting{option: o, value: letters}), rest
		default:
			var s setting
			s, rest = takeValue(o, rest)
			return append(settings, s), rest
		}
	}
	return settings, rest
}

// takeValue takes the next word whatever it looks like, as getopt does: even
// "--" is a value here.
func takeValue(o Option, rest []string) (setting, []string) {
	if len(rest) == 0 {
		return setting{option: o, err: fmt.Errorf("--%s needs a value: --%[1]s %s", o.Long, strings.ToUpper(o.Value))}, nil
	}
	return setting{option: o, value: rest[0]}, rest[1:]
}

// findLong takes an exact name, or the beginning of just one.
func (known dialectOptions) findLong(name string) (Option, error) {
	var found []Option
	for _, o := range known {
		if o.Long == name {
			return o, nil
		}
		if strings.HasPrefix(o.Long, name) {
			found = append(found, o)
		}
	}
	switch len(found) {
	case 0:
		return Option{}, fmt.Errorf("%w %q", ErrUnknownOption, "--"+name)
	case 1:
		return found[0], nil
	}
	names := make([]string, len(found))
	for i, o := range found {
		names[i] = "--" + o.Long
	}
	return Option{}, fmt.Errorf("--%s is ambiguous: write %s", name, strings.Join(names, " or "))
}

func (known dialectOptions) findShort(letter byte) (Option, bool) {
	for _, o := range known {
		if o.Short != 0 && o.Short == rune(letter) {
			return o, true
		}
	}
	return Option{}, false
}
