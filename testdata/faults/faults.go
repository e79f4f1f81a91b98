// Package faults makes single system calls of pidproof fail, in situations that are
// arranged from real processes: each call, each occurrence, with each of the errors
// that a kernel may give. strace(1) injects them. Whatever the fault, a command gives
// the answer that it gives without, or says that it cannot tell; it signals nobody
// else, and every file is the old one or the new one.
//
// The situations live in PID, mount and network namespaces of their own; the PID 1 of
// one (see host.go) plays all faults of a situation and a command, one after another.
//
//	situation.go, arrange.go    the situations
//	command.go                  what a command is, and what it may do
//	asking.go, signalling.go,   the commands
//	changing.go
//	writing.go, ondemand.go,    what those that write start from, and may leave
//	standins.go
//	strace.go, calls.go         a run under strace, and what its log says
//	judge.go, listed.go         what is wrong with a run
//	lies.go                     errors that nobody can tell from the truth
//	cell.go, aim.go             all faults of one command in one situation
package faults

import "golang.org/x/sys/unix"

// errnos are what is injected, by their kind: not permitted, not there, trouble, again.
var errnos = [][]string{{"EACCES", "EPERM"}, {"ENOENT", "ESRCH"}, {"EMFILE", "ENFILE", "ENOMEM", "EIO"}, {"EINTR", "EAGAIN"}}

// calls are those that are made to fail: what pidproof itself asks for, about files,
// processes and events. Not close(2), whose failure tells nothing, nor mmap(2) and
// futex(2), which are the runtime's. statmount(2) is unknown to the strace of Debian 12.
var calls = []string{
	"openat", "openat2", "read", "pread64", "getdents64", "readlinkat", "readlink", "statx", "fstat", "newfstatat", "fstatfs", "statfs",
	"fgetxattr", "getxattr", "flistxattr", "fsetxattr", "fcntl", "ioctl", "capget", "faccessat", "faccessat2", "uname",
	"pidfd_open", "pidfd_send_signal", "kill", "ppoll", "poll", "epoll_create1", "epoll_ctl", "eventfd2", "socket", "sendto",
	"write", "rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "fsync", "fchmod", "fchmodat",
	"fchown", "fchownat", "ftruncate", "mkdirat", "flock", "inotify_init1", "inotify_add_watch", "pipe2", "dup3",
	"waitid", "wait4", "clone", "clone3", "execve", "getpriority", "setpriority",
}

// forking fails for these reasons, clone(2); another error is none of the kernel's.
var forking = map[string][][]string{"clone": {{"EAGAIN", "ENOMEM"}}, "clone3": {{"EAGAIN", "ENOMEM"}}}

// namespaces are those of a host.
const namespaces = unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS
