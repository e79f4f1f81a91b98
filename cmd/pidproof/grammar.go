//go:build grammar

package main

import (
	"os"

	"github.com/alecthomas/kong"

	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/cmd/pidproof/internal/invokerc"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/cmd/pidproof/internal/ssd"
	"pidproof/cmd/pidproof/internal/systemdinvoke"
)

// Built with the tag grammar, the program prints its grammar and ends: testdata/completion makes the shells' completion of
// it. The program that is installed has nothing of that, and so pays nothing for it.
func init() {
	if err := say.JSON(os.Stdout, wholeGrammar()); err != nil {
		panic(err)
	}
	os.Exit(0)
}

// option is one as it is written, with the word for its value; "": it takes none.
type option struct {
	Names   []string `json:"names"`
	Value   string   `json:"value"`
	Choices []string `json:"choices"`
	Help    string   `json:"help"`
}

type argument struct {
	Name    string   `json:"name"`
	Choices []string `json:"choices"`
	Many    bool     `json:"many"`
}

type spelled struct {
	Name      string     `json:"name"`
	Help      string     `json:"help"`
	Passes    bool       `json:"passes"` // all that follows it is another program's
	Options   []option   `json:"options"`
	Arguments []argument `json:"arguments"`
}

// wholeGrammar is that of every command, and first the options that all of them take.
func wholeGrammar() []spelled {
	parser, _, err := commandLine(nil)
	if err != nil {
		panic(err)
	}
	all := []spelled{{Options: spelledOptions(parser.Model.Node.Flags)}}
	for _, cmd := range parser.Model.Leaves(false) {
		g := spelled{Name: cmd.Name, Help: cmd.Help, Passes: cmd.Passthrough, Options: spelledOptions(cmd.Flags)}
		for _, a := range cmd.Positional {
			g.Arguments = append(g.Arguments, argument{a.Name, choices(a), a.IsCumulative()})
		}
		switch cmd.Name { // theirs is the grammar of other programs
		case handover.StartStopDaemon:
			g.Options = append(g.Options, dpkgs()...)
		case handover.InvokeRC:
			g.Options = append(g.Options, alone(invokerc.Options())...)
		case handover.DebSystemdInvoke:
			g.Options = append(g.Options, alone(systemdinvoke.Options())...)
		}
		all = append(all, g)
	}
	return all
}

func spelledOptions(flags []*kong.Flag) (options []option) {
	for _, f := range flags {
		o := option{Names: []string{"--" + f.Name}, Help: f.Help, Choices: choices(f.Value)}
		if f.Short != 0 {
			o.Names = append(o.Names, "-"+string(f.Short))
		}
		if !f.IsBool() {
			o.Value = f.PlaceHolder
		}
		options = append(options, o)
	}
	return options
}

func choices(v *kong.Value) []string {
	if v.Enum == "" {
		return nil
	}
	return v.EnumSlice()
}

func dpkgs() (options []option) {
	for _, its := range ssd.KnownOptions() {
		o := option{Names: []string{"--" + its.Long}, Value: its.Value}
		if its.Short != 0 {
			o.Names = append(o.Names, "-"+string(its.Short))
		}
		options = append(options, o)
	}
	return options
}

func alone(names []string) (options []option) {
	for _, name := range names {
		options = append(options, option{Names: []string{name}})
	}
	return options
}
