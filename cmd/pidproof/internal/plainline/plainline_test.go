package plainline

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// grammar has every kind of field that a command of pidproof's has.
type grammar struct {
	embedded
	Quiet     bool     `short:"q" help:"A word."`
	SameRoot  bool     `short:"c" name:"same-root" help:"A word of two."`
	Separator string   `short:"d" default:" " help:"A value, with a default."`
	Which     string   `enum:"any,none" default:"any" help:"Never plain."`
	Omit      []string `short:"o" sep:"none" help:"Never plain."`
	Daemon    string   `arg:"" help:"An argument."`
	Names     []string `arg:"" optional:"" name:"name" help:"All that are left."`
}

type embedded struct {
	Pidfile *string `short:"p" help:"A value that may be absent."`
}

func (e embedded) Validate() error {
	if e.Pidfile != nil && *e.Pidfile == "no" {
		return errors.New("refused")
	}
	return nil
}

func TestRead(t *testing.T) {
	for line, plain := range map[string]bool{
		"d":                   true,
		"-q -p f d":           true,
		"d --pidfile=f -q":    true,
		"--pidfile f d a b":   true,
		"-c -d , -- -d -e":    true,
		"--separator== d":     true,
		"":                    false, // kong's, as all below
		"-qp f d":             false,
		"-pf d":               false,
		"d -p":                false,
		"-p -q d":             false,
		"-p= d":               false,
		"-p no d":             false,
		"-q -q d":             false,
		"--quiet=true d":      false,
		"--quiet= d":          false,
		"--which any d":       false,
		"-o 1 d":              false,
		"--help d":            false,
		"--timeout=5 d":       false,
		"--samer d":           false,
		"- d":                 false,
		"d a -q b":            false, // a list in two parts
		"--sameroot d":        false,
		"--same-root=yes -- ": false,
	} {
		cmd := new(grammar)
		if got := Read(cmd, strings.Fields(line)); got != plain {
			t.Errorf("%q: plain is %v", line, got)
		}
		if plain {
			asKong(t, strings.Fields(line), cmd)
		}
	}
	if Read(new(grammar), []string{"-p", "", "d"}) || Read(new(grammar), []string{""}) {
		t.Error("an empty word is plain")
	}
	for name, cmd := range map[string]any{
		"an argument that is none of all": &struct {
			State string `arg:"" enum:"a,b"`
		}{},
		"an argument that ends the options": &struct {
			Words []string `arg:"" passthrough:"partial"`
		}{},
		"a number": &struct {
			Time int `default:"5"`
		}{},
	} {
		if Read(cmd, []string{"a"}) {
			t.Errorf("%s: plain", name)
		}
	}
}

// What is plain, kong takes for the same.
func FuzzRead(f *testing.F) {
	for _, line := range []string{"-q -p f d", "--pidfile=f d name", "-d , -- a -b", "--separator=, a", "d -q", "--quiet= d",
		"-p f=g d", "-- -d", "--which=none d", "-o 1 d", "-p no d", "--no-quiet d", "d - e", "-c d \xff"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words, cmd := strings.Split(line, " "), new(grammar)
		if Read(cmd, words) {
			asKong(t, words, cmd)
		}
	})
}

func asKong(t *testing.T, words []string, cmd *grammar) {
	t.Helper()
	want := new(grammar)
	parser, err := kong.New(want, kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) {}),
		kong.KindMapper(reflect.String, kong.MapperFunc(func(ctx *kong.DecodeContext, to reflect.Value) error {
			token, err := ctx.Scan.PopValue("string") // byte by byte, as pidproof has it
			to.SetString(token.String())
			return err
		})))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(words); err != nil {
		t.Fatalf("%q is plain, but to kong: %v", words, err)
	}
	if !reflect.DeepEqual(cmd, want) {
		t.Fatalf("%q is\n%+v, to kong\n%+v", words, cmd, want)
	}
}
