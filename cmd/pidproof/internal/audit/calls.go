package audit

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// command is what a call runs in the end.
type command struct {
	name string // without its directory; unknown: it cannot be told; "" for a function of the script
	// function is one of the script's own, also where it has a command's name.
	function string
	args     []*syntax.Word
	word     *syntax.Word // that it is called by
	// inner is a text that a shell reads once more, at the place of the call.
	inner *syntax.File
	// text: it is a text that a shell would read again, and cannot be read here.
	text bool
	// elsewhere: neither our wrapper nor our hook is what runs then: it is busybox's, or in another root.
	elsewhere bool
	// plain: the call is the command itself, which can be replaced where it stands.
	plain bool
}

const followed = 6 // programs that run programs, one behind the other

// commands are what a call leads to: itself, and what env, sh -c, eval, xargs, trap, an alias
// or a variable make of it.
func (src *source) commands(call *syntax.CallExpr) (found []command) {
	if len(call.Args) == 0 {
		return nil
	}
	found, is := src.led[call]
	if !is {
		if found = src.lead(call.Args, followed, true); src.led != nil {
			src.led[call] = found
		}
	}
	return found
}

func (src *source) lead(args []*syntax.Word, left int, plain bool) (found []command) {
	switch {
	case len(args) == 0:
		return nil
	case left <= 0: // env env env ... kill
		return []command{{name: unknown, text: true}}
	}
	names := map[string]bool{}
	for _, value := range src.values(args[0]) {
		words := src.split(value) // an unquoted variable is several
		if len(words) == 0 {
			continue
		}
		name := path.Base(words[0])
		made := words[0] == "{}" || endsAsAsker(name) || fitsAsker(name) && (!src.isItem(args[0]) || len(strings.Trim(name, "*?[]")) > 2)
		if strings.Contains(name, unknown) || isPattern(name) || name == "{}" {
			name = unknown // a pattern is whatever file it fits
		}
		if text, is := src.aliases[name]; is && !ofItself(name, text) {
			found = append(found, src.reread(text+" "+textsOf(args[1:]), left, false)...)
			if !slices.Contains(askers, name) { // bash expands none in a script
				continue
			}
		}
		if names[value] {
			continue
		}
		names[value] = true
		rest := args[1:]
		if len(words) > 1 {
			var split []*syntax.Word
			for _, w := range words[1:] {
				split = append(split, &syntax.Word{Parts: []syntax.WordPart{&syntax.Lit{ValuePos: args[0].Pos(), ValueEnd: args[0].End(), Value: w}}})
			}
			rest = append(split, rest...)
		}
		its := command{name: name, args: rest, word: args[0], plain: plain && args[0].Lit() != "", text: made}
		if src.functions[name] != nil && !src.ofRedHat(name) {
			if slices.Contains(askers, name) && !src.surelyOwn(name) {
				found = append(found, its)
			}
			its.name, its.function = "", name
		}
		found = append(found, its)
		found = append(found, src.within(its, left-1)...)
	}
	return found
}

// surelyOwn: a function that is there whatever the script does, from its definition on: neither in an if nor in a
// subshell, nor unset.
func (src *source) surelyOwn(name string) bool {
	return src.topLevel[src.functions[name]] && !src.unset[name]
}

// ofItself: alias ls='ls -l' is ls.
func ofItself(name, text string) bool {
	words := strings.Fields(text)
	return len(words) > 0 && words[0] == name && !strings.ContainsAny(text, ";&|\n`$(")
}

// isPattern: what a shell makes another name of, or several words: k[i]ll, {kill,-9}.
func isPattern(name string) bool {
	return strings.ContainsAny(name, "*?") || strings.Contains(name, "[") && name != "[" && name != "[[" || strings.Contains(name, "{") && strings.Contains(name, ",")
}

// fitsAsker: a pattern that fits what signals or asks.
func fitsAsker(name string) bool {
	if !isPattern(name) || strings.Contains(name, unknown) {
		return false
	}
	return slices.ContainsFunc(askers, func(asker string) bool {
		fits, err := path.Match(name, asker)
		return err == nil && fits || strings.Contains(name, "{") && strings.Contains(name, asker)
	})
}

// endsAsAsker: half of a name or more is known, and is that of one that signals or asks: ${1}illall.
func endsAsAsker(name string) bool {
	known := strings.ReplaceAll(name, unknown, "")
	if len(known) < 3 || len(known) == len(name) {
		return false
	}
	return slices.ContainsFunc(askers, func(asker string) bool {
		return 2*len(known) >= len(asker) && fits(strings.ReplaceAll(name, unknown, "*"), asker)
	})
}

var askers = []string{"kill", "killall", "killall5", "pkill", "skill", "snice", "pidof", "pgrep", "fuser"}

// isItem: a loop gives it the files of a pattern, and all of them are meant.
func (src *source) isItem(w *syntax.Word) bool {
	return slices.ContainsFunc(variablesOf(w), func(name string) bool {
		return slices.ContainsFunc(src.assigned[name], func(value *syntax.Word) bool { return src.items[value] })
	})
}

// split has the words that a shell makes of an unquoted value, also where the script sets IFS.
func (src *source) split(value string) []string {
	set := " \t\n"
	for _, word := range src.assigned["IFS"] {
		set += literalText(word)
	}
	return strings.FieldsFunc(value, func(r rune) bool { return string(r) != unknown && r != '/' && strings.ContainsRune(set, r) })
}
