package shellvars

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
)

// accepted are lines that set V, with its value. TestAgainstShells asks every
// shell about the same lines.
var accepted = map[string]string{
	"V=":                              "",
	"V=''":                            "",
	`V=""`:                            "",
	"V=a":                             "a",
	"  \tV=a \t ":                     "a",
	"V=a # comment $x `x` 'x":         "a",
	"V= # comment":                    "",
	"V=a#b":                           "a#b",
	"V=#b":                            "#b",
	"V='a'#b":                         "a#b",
	`V=\#b`:                           "#b",
	"V='a b  c'":                      "a b  c",
	"V='a\tb'":                        "a\tb",
	"V='$HOME `id` $(id) ~ * ; &'":    "$HOME `id` $(id) ~ * ; &",
	`V="a b"`:                         "a b",
	`V="it's"`:                        "it's",
	`V="\$HOME \` + "`id\\`" + ` \""`: "$HOME `id` \"",
	`V="a\b\\c\'d"`:                   `a\b\c\'d`,
	`V="~ * ? [a] ; & | < > ( ) {"`:   "~ * ? [a] ; & | < > ( ) {",
	`V='a\'`:                          `a\`,
	`V='it'\''s'`:                     "it's",
	`V=a\ b\$c\\d\"\'`:                `a b$c\d"'`,
	`V=a'b'"c"d`:                      "abcd",
	"V==a=b":                          "=a=b",
	"V=a!b}c]d^e%f@g:h,i+j":           "a!b}c]d^e%f@g:h,i+j",
	"V=/run/é/ü.pid":                  "/run/é/ü.pid",
	"V=\\é\"\\é\"'\\é'":               "é\\é\\é",
	"V='\u00a0\u3000'\\\u3000":        "\u00a0\u3000\u3000",
	"V='дом 日本 \U0001f600'":           "дом 日本 \U0001f600",
}

func TestParseAccepts(t *testing.T) {
	for line, want := range accepted {
		for _, content := range []string{line, line + "\n", "# first\n\nW=1\n" + line + "\n\n"} {
			vars, err := Parse([]byte(content))
			if err != nil || vars["V"].Value != want {
				t.Errorf("%q: %q, %v; want %q", content, vars["V"].Value, err, want)
			}
			if at := 1 + strings.Count(content[:strings.Index(content, line)], "\n"); vars["V"].Line != at {
				t.Errorf("%q: line %d, want %d", content, vars["V"].Line, at)
			}
		}
	}
	for _, content := range []string{"", "\n", "# V=1", " \t\n \t# V=1\n"} {
		if vars, err := Parse([]byte(content)); err != nil || len(vars) != 0 {
			t.Errorf("%q: %v, %v", content, vars, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for line, why := range map[string]string{
		"V=$HOME":            "unquoted $",
		"V=a${HOME}":         "unquoted $",
		"V=$(id)":            "unquoted $",
		"V=$'a'":             "unquoted $",
		"V=`id`":             "unquoted `",
		`V="$HOME"`:          `expand $ inside "..."`,
		"V=\"a`id`\"":        "expand ` inside \"...\"",
		`V="\\$HOME"`:        `expand $ inside "..."`,
		"V='a'$b":            "unquoted $",
		"V=a;id":             "unquoted ;",
		"V=a&":               "unquoted &",
		"V=a|b":              "unquoted |",
		"V=a<b":              "unquoted <",
		"V=a>b":              "unquoted >",
		"V=(a b)":            "unquoted (",
		"V=a)":               "unquoted )",
		"V=a*":               "unquoted *",
		"V=a?":               "unquoted ?",
		"V=[a]":              "unquoted [",
		"V={a,b}":            "unquoted {",
		"V=~":                "unquoted ~",
		"V=~root/x":          "unquoted ~",
		"V=a:~/x":            "unquoted ~",
		"V=\u00a0":           "blank U+00A0",
		"V=a\u3000b":         "blank U+3000",
		"V='a":               "' is not closed",
		`V="a`:               `" is not closed`,
		`V="a\"`:             `" is not closed`,
		`V="a\`:              `" is not closed`,
		`V=a\`:               "backslash",
		"V=a b":              "something follows",
		"V=a W=b":            "something follows",
		"V=a export":         "something follows",
		"V= a":               "blank follows",
		"V =a":               "blank stands before",
		"V\t= a":             "blank stands before",
		"export V=a":         `"export" is a command`,
		"export\tV=a":        `"export" is a command`,
		"readonly V=a":       `"readonly" is a command`,
		". /etc/default/x":   `"." is no assignment`,
		"V":                  `"V" is no assignment`,
		"=a":                 `"=a" is no assignment`,
		"1V=a":               "no assignment",
		"V-W=a":              "no assignment",
		"V+=a":               "no assignment",
		"V[0]=a":             "no assignment",
		"é=a":                "no assignment",
		"\ufeffV=a":          "no assignment",
		"if true; then V=a":  `"if" is no assignment`,
		"V=a\r":              "CR LF",
		"\r":                 "CR LF",
		"# comment\r":        "CR LF",
		"V=a\rb":             "control character U+000D",
		"V='a\x00b'":         "control character U+0000",
		"# \x00":             "control character U+0000",
		"V='\x1b[2J'":        "control character U+001B",
		"V=a\vb":             "control character U+000B",
		"V=a\fb":             "control character U+000C",
		"V='\x7f'":           "control character U+007F",
		"V='\u0085'":         "control character U+0085",
		"V='\xff'":           "no UTF-8",
		"# M\xfcller":        "no UTF-8",
		"\xff\xfeV\x00=\x00": "no UTF-8",
	} {
		vars, err := Parse([]byte("W=1\n" + line + "\nX=1\n"))
		wrong := (*Error)(nil)
		if !errors.As(err, &wrong) || wrong.Line != 2 || !strings.Contains(wrong.Why, why) || vars != nil {
			t.Errorf("%q: %v, %v; want line 2: %s", line, vars, err, why)
		}
	}
}

func TestParseRefusesAVariableSetTwice(t *testing.T) {
	_, err := Parse([]byte("V=1\n\nW=1\nV=1\n"))
	if err == nil || err.Error() != "line 4: V is set in line 1 already: remove one of the two" {
		t.Error(err)
	}
}

func TestWords(t *testing.T) {
	for command, want := range map[string][]string{
		"":                                   {},
		" \t":                                {},
		"invoke-rc.d apache2-foo restart":    {"invoke-rc.d", "apache2-foo", "restart"},
		"\ta  'b c'\t\"d e\" f\\ g ":         {"a", "b c", "d e", "f g"},
		"a '' \"\"":                          {"a", "", ""},
		"sh -c 'kill -HUP $(cat \"$1\"); :'": {"sh", "-c", "kill -HUP $(cat \"$1\"); :"},
		"a b#c '#d' \\#e":                    {"a", "b#c", "#d", "#e"},
	} {
		if words, err := Words(command); err != nil || !slices.Equal(words, want) {
			t.Errorf("%q: %q, %v", command, words, err)
		}
	}
	for command, why := range map[string]string{
		"a && b": "unquoted &", "a; b": "unquoted ;", "a $b": "unquoted $", "a >/dev/null": "unquoted >",
		"a # b": "begins with #", "#": "begins with #", "a 'b": "not closed", "a\nb": "control character U+000A", `a \`: "backslash",
		`a "$b"`: "expand $", "a *": "unquoted *", "a \xff": "no UTF-8",
	} {
		if words, err := Words(command); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %q, %v; want %s", command, words, err, why)
		}
	}
}

// FuzzParse: whatever is read, it is read whole, at a line that there is, and can
// be written again.
func FuzzParse(f *testing.F) {
	for line := range accepted {
		f.Add([]byte(line))
	}
	f.Add([]byte("# x\nA=1\nB='2'\nA=3\r\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		vars, err := Parse(content)
		lines := strings.Split(string(content), "\n")
		if wrong := (*Error)(nil); err != nil && (!errors.As(err, &wrong) || wrong.Line < 1 || wrong.Line > len(lines) || wrong.Why == "") {
			t.Fatalf("%v", err)
		}
		again := ""
		for _, name := range slices.Sorted(maps.Keys(vars)) {
			if at := vars[name].Line; at < 1 || at > len(lines) || !strings.HasPrefix(strings.TrimLeft(lines[at-1], " \t"), name+"=") {
				t.Fatalf("%s in line %d of %q", name, at, content)
			}
			again += name + "=" + Quote(vars[name].Value) + "\n"
		}
		written, err := Parse([]byte(again))
		if err != nil || len(written) != len(vars) {
			t.Fatalf("%q: %v", again, err)
		}
		for name, v := range vars {
			if written[name].Value != v.Value {
				t.Fatalf("%s was %q, and is read back as %q", name, v.Value, written[name].Value)
			}
		}
	})
}
