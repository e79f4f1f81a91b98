package onlyone

import (
	"syscall"
	"testing"
)

func TestUnlockable(t *testing.T) {
	for err, goes := range map[error]bool{syscall.EACCES: true, syscall.EROFS: true, syscall.ENOENT: true, syscall.EMFILE: false, syscall.EIO: false} {
		if unlock, refused := unlockable(err); (unlock != nil) != goes || (refused == nil) != goes {
			t.Errorf("%v: %v", err, refused)
		}
	}
}
