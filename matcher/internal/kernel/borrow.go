package kernel

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// keep, as an identity, changes nothing and returns the present one.
const keep = -1

// AsItsUser runs look with the file system identity of the user the process
// runs as. Root in a container lacks CAP_SYS_PTRACE as a rule, and may then not
// look at the exe link of a daemon that runs as a user of its own; that user
// may (ptrace(2), "Ptrace access mode checking", PTRACE_MODE_FSCREDS). It does
// nothing unless we are root and the process has one uid and one gid only.
func AsItsUser(s Status, look func()) {
	uid, gid := s.UIDs[0], s.GIDs[0]
	one := s.UIDs[1] == s.UIDs[0] && s.UIDs[2] == s.UIDs[0] && s.GIDs[1] == s.GIDs[0] && s.GIDs[2] == s.GIDs[0]
	if os.Geteuid() != 0 || !one || uid == 0 {
		return
	}
	// File system identities belong to a thread. Should ours not come back, the
	// thread must not serve anybody else: the runtime ends a thread whose
	// goroutine ends while locked to it.
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		ownUID, _ := unix.SetfsuidRetUid(keep)
		ownGID, _ := unix.SetfsgidRetGid(keep)
		_ = unix.Setfsgid(gid) // setfsgid(2) and setfsuid(2) report no failure
		_ = unix.Setfsuid(uid)
		look()
		_ = unix.Setfsuid(ownUID)
		_ = unix.Setfsgid(ownGID)
		nowUID, _ := unix.SetfsuidRetUid(keep)
		nowGID, _ := unix.SetfsgidRetGid(keep)
		if nowUID == ownUID && nowGID == ownGID {
			runtime.UnlockOSThread()
		}
	}()
	<-done
}
