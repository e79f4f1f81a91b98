package shells

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"pidproof/testdata/need"
)

// Without the binary the hook defines nothing, and Debian's functions stay:
// their pidofproc believes in any process that has the number.
func TestHookWithoutBinary(t *testing.T) {
	h := newHost(t)
	must(t, os.Remove(h.pidproof))
	const defined = `
for f in pidofproc status_of_proc killproc start_daemon pidof; do
	case $(type "$f" 2>&1) in *function*) echo "$f" ;; esac
done`
	inShells(t, func(t *testing.T, sh string) {
		h := h.newDir(t)
		h.expect(t, sh, []string{h.hook}, defined, "", 0)
		need.File(t, debian)
		h.expect(t, sh, []string{debian, h.hook}, defined, "pidofproc\nstatus_of_proc\nkillproc\nstart_daemon", 0)
		h.expect(t, sh, []string{debian, h.hook},
			`echo $$ >"$pidfile"; [ "$(pidofproc -p "$pidfile" "$daemon")" = $$ ]`, "", 0)
	})
}

// Where a part of pidproof is missing, our init-functions say so: no answer may
// be taken for "not running".
func TestInitFunctionsWithoutPidproof(t *testing.T) {
	h := newHost(t)
	var want string
	for _, f := range []string{"pidofproc", "status_of_proc", "killproc", "start_daemon"} {
		want += fmt.Sprintf("%s: install pidproof: %s or %s is missing\n", f, h.pidproof, h.hook)
	}
	for _, missing := range []string{h.pidproof, h.hook} {
		t.Run(filepath.Base(missing), func(t *testing.T) {
			must(t, os.Rename(missing, missing+".away"))
			t.Cleanup(func() { must(t, os.Rename(missing+".away", missing)) })
			inShells(t, func(t *testing.T, sh string) {
				stdout, stderr, code := h.run(t, sh, []string{h.functions}, `
for f in pidofproc status_of_proc killproc start_daemon; do
	"$f" -p "$absent" "$daemon" || echo $?
done`)
				if stdout != "4\n4\n4\n4\n" || stderr != want || code != 0 {
					t.Errorf("printed %q and %q, exit %d", stdout, stderr, code)
				}
				h.expect(t, sh, []string{h.functions}, `status_of_proc "$daemon"; echo not reached`, "", 4)
			})
		})
	}
}
