package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"pidproof/cmd/pidproof/internal/say"
	"pidproof/cmd/pidproof/internal/shellvars"
)

// State is how it stands with one thing.
type State string

// The states, from the best to what a person has to do.
const (
	NotHere    State = "n/a" // this host has nothing of the kind
	Well       State = "ok"
	CannotTell State = "cannot tell"
	ToDo       State = "to do"
)

// Finding is the answer to one question.
type Finding struct {
	Topic string
	State State
	Text  string
	// Remedies are commands to copy (say.Command), or sentences.
	Remedies []string
}

// worst is the later of two states.
func worst(a, b State) State {
	for _, s := range []State{ToDo, CannotTell, Well} {
		if a == s || b == s {
			return s
		}
	}
	return NotHere
}

// add takes one more thing of the same topic. What is wrong is said in place of what is right.
func (f *Finding) add(state State, text string, remedies ...string) {
	switch {
	case f.State == Well && state != Well:
		f.Text, f.Remedies = "", nil
	case state == Well && f.State != "" && f.State != Well:
		return
	}
	f.State = worst(f.State, state)
	if said := strings.Split(f.Text, "; "); f.Text == "" {
		f.Text = text
	} else if !slices.Contains(said, text) { // one file may be unreadable to several questions
		f.Text += "; " + text
	}
	for _, remedy := range remedies {
		if !slices.Contains(f.Remedies, remedy) { // one package may mend several things
			f.Remedies = append(f.Remedies, remedy)
		}
	}
}

// failed is what cannot be told because something could not be read. Root could, where only the
// permission lacks.
func (f *Finding) failed(err error) {
	if errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
		f.add(CannotTell, strings.ReplaceAll(err.Error(), "\n", "; "), asRoot)
		return
	}
	f.add(CannotTell, strings.ReplaceAll(err.Error(), "\n", "; "))
}

const asRoot = "ask as root"

// share is the folder of what is used on request, beside our own program: PREFIX/share/pidproof.
func share(name string) string {
	if program, err := os.Executable(); err == nil {
		if prefix, is := strings.CutSuffix(program, "/sbin/pidproof"); is {
			return prefix + "/share/pidproof/" + name
		}
	}
	return "/usr/share/pidproof/" + name
}

// reinstall brings back what belongs to a package. Of one that came as a file apt-get says that it cannot be downloaded,
// and exits 0.
func reinstall(ctx context.Context, name string, options ...string) string {
	words := append([]string{"apt-get", "install", "--reinstall"}, options...)
	switch {
	case packaged(name) && (!strings.HasPrefix(name, "pidproof") || inArchive(ctx, name)):
		return say.Command(append(words, name)...)
	case packaged(name):
		return say.Command(words...) + fmt.Sprintf(" ./%s_*_$(dpkg --print-architecture).deb, where that file is", name)
	}
	return "install " + name + ", by its package or make install"
}

// inArchive reports that apt can download a package; so it is taken where apt does not say.
func inArchive(ctx context.Context, name string) bool {
	said, err := run(ctx, "/usr/bin/apt-cache", "madison", name)
	return err != nil || strings.Contains(said, "|")
}

func packaged(name string) bool {
	_, err := os.Stat("/var/lib/dpkg/info/" + name + ".list")
	return err == nil
}

// names joins them as a sentence has them.
func names(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}

// beginning is what a file begins with: no file that is looked at here is longer. A pipe does not keep us.
func beginning(path string) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, shellvars.Limit))
}
