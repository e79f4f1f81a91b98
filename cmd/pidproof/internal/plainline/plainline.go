// Package plainline reads a command line that leaves no question open, by the tags that
// kong reads, but without kong's model of them: a command, its options one to a word, and
// the right number of arguments. Whatever is not plain, or not right, is kong's to judge,
// which is the grammar.
//
// It pays: with it `pidproof check -p PIDFILE DAEMON` takes 0.87 of the CPU time that it
// takes with kong alone (user and system of the whole process; the median over 300 pairs
// of runs, the two binaries in turn on one processor, of x86-64; one binary against itself
// gives 1.00). To measure it again, have plainLine in commandline.go return nil and false,
// build that, and compare the two. A second reader that saves less than a tenth goes.
package plainline

import (
	"reflect"
	"strings"
)

// Read fills cmd, a pointer to a command's struct, from the words that follow its name.
// Where it returns false, they are kong's, and so is a new struct.
func Read(cmd any, words []string) bool {
	r := reader{options: map[string]*option{}}
	if !r.learn(reflect.ValueOf(cmd).Elem()) || !r.read(words) || !r.fill() {
		return false
	}
	v, validates := cmd.(interface{ Validate() error })
	return !validates || v.Validate() == nil
}

type reader struct {
	options   map[string]*option // by -x and --long
	arguments []argument
	words     []string // given for the arguments
	ended     bool     // an option came after the first word of the last argument's list
}

type option struct {
	to    reflect.Value
	given bool
}

type argument struct {
	to       reflect.Value
	optional bool
}

// learn takes the fields of a command, and of what is embedded in it. What it does
// not understand makes every line kong's.
func (r *reader) learn(cmd reflect.Value) bool {
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
			r.arguments = append(r.arguments, argument{to, optional})
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
		o := &option{to: to}
		r.options["--"+name] = o
		if short := field.Tag.Get("short"); short != "" {
			r.options["-"+short] = o
		}
	}
	return true
}

// read sorts the words of a line.
func (r *reader) read(words []string) bool {
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		switch {
		case word == "":
			return false
		case word == "--":
			if r.inList() && len(words) > 0 {
				return false
			}
			r.words, words = append(r.words, words...), nil
		case word[0] != '-':
			if r.ended { // kong wants a list's words together
				return false
			}
			r.words = append(r.words, word)
		default:
			r.ended = r.inList()
			name, value, joined := strings.Cut(word, "=")
			o, known := r.options[name]
			isBool := known && o.to.Kind() == reflect.Bool
			if !known || o.given || joined && (isBool || !strings.HasPrefix(name, "--")) {
				return false
			}
			if !isBool && !joined && len(words) > 0 {
				value, words = words[0], words[1:]
				if strings.HasPrefix(value, "-") {
					return false
				}
			}
			if o.given = true; !set(o.to, value) {
				return false
			}
		}
	}
	return true
}

// inList reports that the words so far reach into the last argument, which takes several.
func (r *reader) inList() bool {
	last := len(r.arguments) - 1
	return last >= 0 && len(r.words) > last && r.arguments[last].to.Kind() == reflect.Slice
}

func set(to reflect.Value, value string) bool {
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
func (r *reader) fill() bool {
	for _, a := range r.arguments {
		switch {
		case len(r.words) == 0:
			if !a.optional {
				return false
			}
		case a.to.Kind() == reflect.Slice:
			a.to.Set(reflect.ValueOf(r.words))
			r.words = nil
		case !set(a.to, r.words[0]):
			return false
		default:
			r.words = r.words[1:]
		}
	}
	return len(r.words) == 0
}
