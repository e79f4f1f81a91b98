package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"

	"pidproof/cmd/pidproof/internal/ondemand"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/cmd/pidproof/internal/shellvars"
)

const (
	functions = "/lib/lsb/init-functions"
	hookFile  = "/lib/lsb/init-functions.d/60-pidproof"
)

// shell is one that may read init scripts.
type shell struct {
	name string // for a person
	args []string
}

// ask has a shell do what an init script does. Debian's own functions have no --version, and do
// nothing for it.
const askFunctions = `. ` + functions + ` && pidofproc --version && status_of_proc --version`

// shells are this host's, each once, whatever links lead to it.
func shells() (found []shell) {
	seen := map[string]bool{}
	for _, name := range []string{"sh", "dash", "bash", "ksh", "mksh", "yash", "busybox"} {
		path := program(name)
		real, err := filepath.EvalSymlinks(path)
		if path == "" || err != nil || seen[real] {
			continue
		}
		seen[real] = true
		s := shell{name, []string{path, "-c", askFunctions}}
		switch base := filepath.Base(real); {
		case name == "busybox":
			s = shell{"busybox sh", []string{path, "sh", "-c", askFunctions}}
		case base != name:
			s.name = fmt.Sprintf("%s (%s)", name, base)
		}
		found = append(found, s)
	}
	return found
}

func hook(ctx context.Context, f *Finding) {
	st, err := os.Stat(functions)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		noFunctions(ctx, f)
		return
	case err != nil:
		f.failed(err)
		return
	}
	if f.untrusted(st) {
		return
	}
	all := shells()
	results := make([]error, len(all))
	var asked sync.WaitGroup
	for i, s := range all {
		asked.Add(1)
		go func() {
			defer asked.Done()
			results[i] = s.has(ctx)
		}()
	}
	asked.Wait()
	var have, lack []string
	for i, s := range all {
		switch {
		case results[i] == nil:
			have = append(have, s.name)
		case errors.Is(results[i], errWithout):
			lack = append(lack, s.name)
		default:
			f.failed(fmt.Errorf("%s: %w", s.name, results[i]))
		}
	}
	if len(have) > 0 {
		f.add(Well, "scripts that read "+functions+" ask pidproof, in "+names(have))
	}
	if len(lack) > 0 {
		f.unread(ctx, lack)
	}
}

var errWithout = errors.New("without pidproof's functions")

// has reports whether a shell has pidproof's functions.
func (s shell) has(ctx context.Context) error {
	said, err := run(ctx, s.args[0], s.args[1:]...)
	if ctx.Err() != nil {
		return err
	}
	if strings.Count("\n"+said, "\npidproof ") != 2 {
		return errWithout
	}
	return nil
}

// noFunctions: only a host that starts its services by such scripts lacks something.
func noFunctions(ctx context.Context, f *Finding) {
	switch manager, err := ondemand.Manager(); {
	case err != nil:
		f.failed(err)
	case manager == "sysvinit" && initRuns():
		remedy := say.Command("ln", "-sf", share("init-functions"), filepath.Dir(functions)+"/")
		if _, err := os.Stat(share("init-functions")); err != nil {
			remedy = reinstall(ctx, "pidproof")
		}
		f.add(ToDo, functions+" is missing, which init scripts read", remedy)
	default:
		f.State = NotHere
	}
}

// unread says why these shells lack the functions.
func (f *Finding) unread(ctx context.Context, shells []string) {
	calls := regexp.MustCompile(`\[ -x (/[^ ]*) \]`) // here, or each start would pay for it
	content, err := beginning(hookFile)
	switch its := calls.FindSubmatch(content); {
	case errors.Is(err, fs.ErrNotExist):
		f.add(ToDo, hookFile+" is missing: init scripts do not ask pidproof", reinstall(ctx, "pidproof"))
	case errors.Is(err, syscall.EISDIR):
		f.add(ToDo, hookFile+" is a directory", "move it away", reinstall(ctx, "pidproof"))
	case err != nil:
		f.failed(err)
	case its == nil:
		f.add(ToDo, hookFile+" is not pidproof's any more", reinstall(ctx, "pidproof"))
	case !isProgram(string(its[1])):
		f.add(ToDo, fmt.Sprintf("%s calls %s, which is not there", hookFile, its[1]), reinstall(ctx, "pidproof"))
	case changed(ctx):
		f.add(ToDo, fmt.Sprintf("%s was changed, and is not read in %s", hookFile, names(shells)), reinstall(ctx, "pidproof"))
	default:
		f.add(ToDo, fmt.Sprintf("%s is not read in %s, or another file there undoes it", hookFile, names(shells)),
			"see what "+functions+" reads, and in which order")
	}
}

// changed reports that the hook is not what its package has brought. dpkg(1)
func changed(ctx context.Context) bool {
	if !packaged("pidproof") {
		return false
	}
	said, _ := run(ctx, "/usr/bin/dpkg", "--verify", "pidproof") // exits 1 where anything differs, or not, by its version
	return strings.Contains(said, hookFile+"\n")
}

// untrusted says which of the files that a shell is about to read, as root, others could write.
func (f *Finding) untrusted(st fs.FileInfo) bool {
	err := shellvars.Trusted(functions, st)
	beside, globErr := filepath.Glob(filepath.Dir(hookFile) + "/*")
	for _, path := range append([]string{filepath.Dir(hookFile)}, beside...) {
		if st, statErr := os.Stat(path); err == nil && globErr == nil && statErr == nil {
			err = shellvars.Trusted(path, st)
		}
	}
	if err != nil {
		f.add(ToDo, err.Error())
	}
	return err != nil
}

func isProgram(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0
}
