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
// nothing unless we are root, may take on both, and the process has one uid and one gid
// only: who has the group alone sees less than root, and what /proc hides from it
// (hidepid) would be taken for what is not there.
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
		own := fsIDs()
		_ = unix.Setfsgid(gid) // setfsgid(2) and setfsuid(2) report no failure
		_ = unix.Setfsuid(uid)
		if fsIDs() == [2]int{uid, gid} {
			look()
		}
		_ = unix.Setfsuid(own[0])
		_ = unix.Setfsgid(own[1])
		if fsIDs() == own {
			runtime.UnlockOSThread()
		}
	}()
	<-done
}

// fsIDs are the user and the group that this thread looks at files as.
func fsIDs() [2]int {
	uid, _ := unix.SetfsuidRetUid(keep)
	gid, _ := unix.SetfsgidRetGid(keep)
	return [2]int{uid, gid}
}
