package main

import (
	"reflect"
	"strings"
)

// plainLine reads a command line that leaves no question open: a command, its
// options one to a word, and the right number of arguments. It goes by the tags that
// kong reads, but builds no model of them, which costs a script more than most
// answers do (make bench). Whatever is not plain, or not right, is kong's to judge.
func plainLine(args []string) (cmd runner, plain bool) {
	if len(args) == 0 {
		return nil, false
	}
	at := indexOf(args[0])
	if at < 0 {
		return nil, false
	}
	cmd = commands[at].grammar()
	switch cmd := cmd.(type) { // all of the line is another program's
	case *startStopDaemonCmd:
		cmd.Words = args[1:]
		return cmd, true
	case *invokeRcdCmd:
		cmd.Words = args[1:]
		return cmd, true
	}
	line := plainReader{options: map[string]*plainOption{}}
	if !line.learn(reflect.ValueOf(cmd).Elem()) || !line.read(args[1:]) || !line.fill() {
		return nil, false
	}
	if v, validates := cmd.(interface{ Validate() error }); validates && v.Validate() != nil {
		return nil, false
	}
	return cmd, true
}

type plainReader struct {
	options   map[string]*plainOption // by -x and --long
	arguments []plainArgument
	words     []string // given for the arguments
}

type plainOption struct {
	to    reflect.Value
	given bool
}

type plainArgument struct {
	to       reflect.Value
	optional bool
}

// learn takes the fields of a command, and of what is embedded in it. What it does
// not understand makes every line kong's.
func (r *plainReader) learn(cmd reflect.Value) bool {
	for i := range cmd.NumField() {
		field, to := cmd.Type().Field(i), cmd.Field(i)
		has := func(key string) bool { _, ok := field.Tag.Lookup(key); return ok }
		name, named := field.Tag.Lookup("name")
		switch {
		case field.Anonymous:
			if !r.learn(to) {
				return false
			}
			continue
		case has("passthrough"):
			return false
		case has("arg") && !has("enum"):
			_, optional := field.Tag.Lookup("optional")
			r.arguments = append(r.arguments, plainArgument{to, optional})
			continue
		case has("arg"):
			return false
		}
		if otherwise := field.Tag.Get("default"); otherwise != "" {
			if to.Kind() != reflect.String {
				return false
			}
			to.SetString(otherwise)
		}
		if has("enum") || has("sep") {
			continue // an option that is never plain
		}
		if !named {
			name = strings.ToLower(field.Name)
		}
		option := &plainOption{to: to}
		r.options["--"+name] = option
		if short := field.Tag.Get("short"); short != "" {
			r.options["-"+short] = option
		}
	}
	return true
}

// read sorts the words of a line.
func (r *plainReader) read(words []string) bool {
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		switch {
		case word == "":
			return false
		case word == "--":
			r.words, words = append(r.words, words...), nil
		case word[0] != '-':
			r.words = append(r.words, word)
		default:
			name, value, joined := strings.Cut(word, "=")
			option, known := r.options[name]
			isBool := known && option.to.Kind() == reflect.Bool
			if !known || option.given || joined && (isBool || !strings.HasPrefix(name, "--")) {
				return false
			}
			if !isBool && !joined && len(words) > 0 {
				value, words = words[0], words[1:]
				if strings.HasPrefix(value, "-") {
					return false
				}
			}
			if option.given = true; !setPlain(option.to, value) {
				return false
			}
		}
	}
	return true
}

func setPlain(to reflect.Value, value string) bool {
	switch {
	case to.Kind() == reflect.Bool && value == "":
		to.SetBool(true)
	case value == "":
		return false
	case to.Kind() == reflect.String:
		to.SetString(value)
	case to.Kind() == reflect.Pointer && to.Type().Elem().Kind() == reflect.String:
		to.Set(reflect.ValueOf(&value))
	default:
		return false
	}
	return true
}

// fill gives the arguments their words.
func (r *plainReader) fill() bool {
	for _, argument := range r.arguments {
		switch {
		case len(r.words) == 0:
			if !argument.optional {
				return false
			}
		case argument.to.Kind() == reflect.Slice:
			argument.to.Set(reflect.ValueOf(r.words))
			r.words = nil
		case !setPlain(argument.to, r.words[0]):
			return false
		default:
			r.words = r.words[1:]
		}
	}
	return len(r.words) == 0
}
