package debian

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"pidproof/testdata/must"
)

// TestUnmergedUsr: on Debian 11 and Devuan /lib may be a directory of its own. Debian's functions read that one, and find the
// hook there by a link; on a merged /usr there is none.
func TestUnmergedUsr(t *testing.T) {
	t.Parallel()
	for _, merged := range []bool{false, true} {
		root := t.TempDir()
		const folder = "lib/lsb/init-functions.d"
		real, link := filepath.Join(root, "usr", folder, "60-pidproof"), filepath.Join(root, folder, "60-pidproof")
		must.Do(t, os.MkdirAll(filepath.Dir(real), 0o755), os.WriteFile(real, nil, 0o644))
		if merged {
			must.Do(t, os.Symlink("usr/lib", filepath.Join(root, "lib")))
		} else {
			must.Do(t, os.MkdirAll(filepath.Dir(link), 0o755))
		}
		for range 2 {
			runScript(t, root, "postinst", "configure")
			target, err := os.Readlink(link)
			if merged && err == nil || !merged && target != "/usr/"+folder+"/60-pidproof" {
				t.Errorf("merged: %t, and %s leads to %q: %v", merged, link, target, err)
			}
		}
		runScript(t, root, "prerm", "upgrade", "2")
		if _, err := os.Lstat(link); err != nil {
			t.Errorf("merged: %t, gone with an upgrade: %v", merged, err)
		}
		if !merged { // an upgrade that got no further than unpacking: dpkg runs no prerm, and the link stayed
			kept := real + ".kept"
			must.Do(t, os.Rename(real, kept))
			runScript(t, root, "postrm", "remove")
			if _, err := os.Lstat(link); err == nil {
				t.Error("removed while unpacked only, and the link is still there")
			}
			must.Do(t, os.Rename(kept, real))
			runScript(t, root, "postinst", "configure")
		}
		runScript(t, root, "prerm", "remove")
		if _, err := os.Lstat(link); (err == nil) != merged {
			t.Errorf("merged: %t, and after the removal: %v", merged, err)
		}
	}
}

// runScript runs a maintainer script of pidproof's in another root, as dpkg does that does not change to it.
func runScript(t *testing.T, root, script string, args ...string) {
	t.Helper()
	cmd := exec.Command("sh", append([]string{"../../scripts/debian/pidproof." + script}, args...)...)
	cmd.Env = append(os.Environ(), "DPKG_ROOT="+root)
	output(t, cmd)
}
