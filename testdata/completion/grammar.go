package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// Option is one of a command's, as cmd/pidproof/grammar.go prints it.
type Option struct {
	Names   []string // --pidfile and -p
	Value   string   // the word for its value; "": it takes none
	Choices []string // all that the value may be
	Help    string
	Kind    Kind `json:"-"` // of its value
}

// Argument is what stands on a place of its own.
type Argument struct {
	Name    string
	Choices []string
	Many    bool // on all further places, too
	Kind    Kind `json:"-"`
}

// Command is one of pidproof's.
type Command struct {
	Name, Help string
	Passes     bool // all that follows it is another program's, also the options of every command
	Options    []Option
	Arguments  []Argument
}

// With are its options and, unless it passes them on, those of every command.
func (c Command) With(common []Option) []Option {
	if c.Passes {
		return c.Options
	}
	return append(slices.Clone(c.Options), common...)
}

// Grammar is what the shells are told.
type Grammar struct {
	Common   []Option // that every command takes
	Commands []Command
}

// read takes the grammar, and says of each value and argument what completes it.
func read(r io.Reader) (g Grammar, err error) {
	if err = json.NewDecoder(r).Decode(&g.Commands); err != nil {
		return g, err
	}
	for i := range g.Commands {
		if err = g.Commands[i].sort(); err != nil {
			return g, err
		}
	}
	g.Common, g.Commands = g.Commands[0].Options, g.Commands[1:]
	return g, nil
}

func (c *Command) sort() error {
	for i := range c.Options {
		o := &c.Options[i]
		kind, known := values[o.Value]
		if !known && len(o.Choices) == 0 {
			return fmt.Errorf("%s %s: values has no %q", c.Name, o.Names[0], o.Value)
		}
		if o.Kind = kind; len(o.Choices) > 0 {
			o.Kind = choice
		}
	}
	if further, passes := others[c.Name]; passes { // one list of words that the program reads by itself
		c.Arguments = slices.Clone(further)
	}
	for i := range c.Arguments {
		a := &c.Arguments[i]
		if a.Kind != "" {
			continue
		}
		kind, known := arguments[a.Name]
		if own, has := arguments[c.Name+" "+a.Name]; has {
			kind, known = own, true
		}
		if !known && len(a.Choices) == 0 {
			return fmt.Errorf("%s: arguments has no %q", c.Name, a.Name)
		}
		if a.Kind = kind; len(a.Choices) > 0 {
			a.Kind = choice
		}
	}
	return nil
}
