package main

import (
	"slices"
	"strings"
	"text/template"
)

// words are what the templates write words by.
var words = template.FuncMap{
	"quote":   quote,
	"fish":    fishQuote,
	"join":    strings.Join,
	"names":   names,
	"choices": func(k Kind, of []string) string { return strings.Join(offered(k, of), " ") },
	"taking":  taking,
	"spec":    spec,
	"action":  action,
	"short":   func(s string) bool { return !strings.HasPrefix(s, "--") },
	"bare":    func(s string) string { return strings.TrimLeft(s, "-") },
	"next":    func(i int) int { return i + 1 },
	"brief":   brief,
}

// quote is for bash and zsh, as POSIX has it.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// brief is the first sentence of a help.
func brief(help string) string {
	first, _, _ := strings.Cut(help, ". ")
	first, _, _ = strings.Cut(first, "; ")
	return strings.TrimSuffix(first, ".")
}

// offered are the words of a kind that are the same on every host.
func offered(k Kind, choices []string) []string {
	if k == signal {
		return signals
	}
	return choices
}

func names(options []Option) string {
	var all []string
	for _, o := range options {
		all = append(all, o.Names...)
	}
	return strings.Join(all, " ")
}

// taking are the names of the options behind which a value stands.
func taking(options []Option) string {
	return names(slices.DeleteFunc(slices.Clone(options), func(o Option) bool { return o.Value == "" }))
}

// spec is an option as zsh's _arguments takes it.
func spec(o Option) string {
	text := ""
	if o.Help != "" {
		text = "[" + zshText(brief(o.Help)) + "]"
	}
	if o.Value != "" {
		text += ":" + zshText(o.Value) + ":" + action(o.Kind, o.Choices)
	}
	var all []string
	for _, name := range o.Names {
		if o.Value != "" && strings.HasPrefix(name, "--") {
			name += "="
		}
		if len(o.Names) > 1 {
			name = "(" + strings.Join(o.Names, " ") + ")" + name
		}
		all = append(all, quote(name+text))
	}
	return strings.Join(all, " ")
}

// zshText escapes what ends a text there.
func zshText(s string) string {
	return strings.NewReplacer(`\`, `\\`, ":", `\:`, "[", `\[`, "]", `\]`).Replace(s)
}

// action completes a kind in zsh. One that begins with a blank is called as it stands.
func action(k Kind, choices []string) string {
	switch k {
	case nothing:
		return " "
	case choice, signal:
		return "(" + strings.Join(offered(k, choices), " ") + ")"
	case file:
		return "_files"
	}
	return " _pidproof_" + string(k)
}
