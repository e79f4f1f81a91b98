package scan

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// lsbScript does what an init script does to call one of Debian's functions. It ends in a command of its own, or the
// shell would become what it runs last.
const lsbScript = `. "$1"
pidofproc -p "$2" "$3"
exit $?
`

const lsbFunctions = "/lib/lsb/init-functions"

// debianFunctions copies Debian's functions, which read every hook beside them; the copy reads all but pidproof's.
func debianFunctions(dir string) (string, error) {
	text, err := os.ReadFile(lsbFunctions)
	if err != nil {
		return "", fmt.Errorf("no LSB functions of Debian: %w", err)
	}
	const folder = lsbFunctions + ".d"
	hooks, copied := filepath.Join(dir, "hooks"), filepath.Join(dir, "init-functions")
	if !strings.Contains(string(text), folder) {
		return "", fmt.Errorf("%s: not Debian's, it reads no hooks", lsbFunctions)
	}
	if err := os.Mkdir(hooks, 0o755); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(folder)
	if err != nil && !os.IsNotExist(err) {
		return "", err
	}
	for _, hook := range entries {
		if strings.Contains(hook.Name(), "pidproof") {
			continue
		}
		if err := os.Symlink(filepath.Join(folder, hook.Name()), filepath.Join(hooks, hook.Name())); err != nil {
			return "", err
		}
	}
	return copied, os.WriteFile(copied, []byte(strings.ReplaceAll(string(text), folder, hooks)), 0o644)
}
