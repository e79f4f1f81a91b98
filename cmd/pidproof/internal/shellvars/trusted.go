package shellvars

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// Trusted reports who besides root and the asking user could have written the
// file or directory at path: an error says who, and what to do about it. st is of
// the open file, so that path cannot lead elsewhere meanwhile.
func Trusted(path string, st fs.FileInfo) error {
	owner, known := st.Sys().(*syscall.Stat_t)
	if !known {
		return fmt.Errorf("%s: its owner is not known", path)
	}
	asker := uint32(os.Geteuid())
	switch mode := st.Mode().Perm(); {
	case owner.Uid != 0 && owner.Uid != asker:
		return fmt.Errorf("%s is uid %d's, who could write anything: chown root %s", path, owner.Uid, path)
	case mode&0o002 != 0:
		return fmt.Errorf("%s can be written by everyone (mode %04o): chmod go-w %s", path, mode, path)
	case mode&0o020 != 0:
		// With an access control list these bits are its mask (acl(5)): without them it
		// lets nobody write.
		return fmt.Errorf("%s can be written by the group with gid %d (mode %04o): chmod go-w %s", path, owner.Gid, mode, path)
	}
	return nil
}
