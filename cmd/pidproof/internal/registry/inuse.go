package registry

import (
	"errors"
	"os"

	"pidproof/cmd/pidproof/internal/cwd"
	"pidproof/cmd/pidproof/internal/shellvars"
)

// InUse is the directory of registrations: Dir, unless the environment names another.
func InUse() string {
	if dir := os.Getenv("PIDPROOF_INSTANCES"); dir != "" {
		return cwd.Absolute(dir)
	}
	return Dir
}

// Unusable is how many registrations these errors are about: a file may have several.
func Unusable(errs []error) int {
	files, others := map[string]bool{}, 0
	for _, err := range errs {
		if inLine := (*shellvars.Error)(nil); errors.As(err, &inLine) {
			files[inLine.Path] = true
		} else {
			others++
		}
	}
	return len(files) + others
}

// Pidfiles is for Instance.Registered: what is wrong with a registration is said
// where it is used.
func Pidfiles() (pidfiles []string, missed int) {
	all, errs := Read(InUse())
	for _, r := range all {
		pidfiles = append(pidfiles, r.Pidfile)
	}
	return pidfiles, Unusable(errs)
}
