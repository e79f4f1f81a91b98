package kernel

import (
	"math"
	"strconv"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

// Statx asks for nothing but identity and kind, and for no round trip to a file
// server that may hang (AT_STATX_DONT_SYNC, statx(2)).
func Statx(path string) (unix.Statx_t, error) {
	return StatxAt(unix.AT_FDCWD, path, 0, unix.STATX_TYPE|unix.STATX_MODE|unix.STATX_INO|unix.STATX_NLINK)
}

func StatxAt(dir int, path string, flags, mask int) (unix.Statx_t, error) {
	var st unix.Statx_t
	_, err := Confirmed(func() (int, error) {
		return 0, unix.Statx(dir, path, flags|unix.AT_STATX_DONT_SYNC|unix.AT_NO_AUTOMOUNT, mask, &st)
	})
	if err == unix.ENOSYS || err == unix.EPERM { // before Linux 4.11; an old seccomp filter
		return fstatat(dir, path, flags)
	}
	return st, err
}

func fstatat(dir int, path string, flags int) (unix.Statx_t, error) {
	var old unix.Stat_t
	err := func() error {
		if flags&unix.AT_EMPTY_PATH != 0 {
			return unix.Fstat(dir, &old)
		}
		return unix.Fstatat(dir, path, &old, flags)
	}()
	if err != nil {
		return unix.Statx_t{}, err
	}
	return unix.Statx_t{
		Mode: uint16(old.Mode), Ino: old.Ino, Nlink: uint32(old.Nlink), Uid: old.Uid,
		Dev_major: unix.Major(uint64(old.Dev)), Dev_minor: unix.Minor(uint64(old.Dev)),
		Ctime: unix.StatxTimestamp{Sec: int64(old.Ctim.Sec), Nsec: uint32(old.Ctim.Nsec)},
		Mtime: unix.StatxTimestamp{Sec: int64(old.Mtim.Sec), Nsec: uint32(old.Mtim.Nsec)},
		Atime: unix.StatxTimestamp{Sec: int64(old.Atim.Sec), Nsec: uint32(old.Atim.Nsec)},
		Mask:  unix.STATX_BASIC_STATS,
	}, nil
}

// IdentityMask asks for device, inode and mount alone, which the kernel has at hand: a
// FUSE server is not asked even where what it said before counts no more
// (fuse_update_get_attr in fs/fuse/dir.c).
const IdentityMask = unix.STATX_MNT_ID

// TimesMask asks for what AsCreated needs.
const TimesMask = unix.STATX_CTIME | unix.STATX_MTIME | unix.STATX_BTIME

// AsCreated reports that nothing has happened to a file since it was written, and that it
// was written when it was created: a rename(2) would have changed its ctime alone, and
// utimensat(2), which changes both, cannot make it as old as its creation is. Nobody could
// execute it before it was written (ETXTBSY), so that whatever runs it was started from it
// under the name that it has. Files that were unpacked and renamed, as by dpkg, tell nothing.
func AsCreated(st unix.Statx_t) bool {
	const written = 2 * time.Second // from its creation to its last byte
	changed := TimeOf(st.Ctime)
	return st.Mask&unix.STATX_BTIME != 0 && !changed.After(TimeOf(st.Mtime)) && changed.Before(TimeOf(st.Btime).Add(written))
}

// Identify gives device and inode of what lies at a path.
func Identify(path string) fact.Fact[fact.FileID] {
	st, err := identity(unix.AT_FDCWD, path, 0)
	if err != nil {
		return fact.Failed[fact.FileID](err)
	}
	return fact.Of(IdOf(st))
}

// identity asks for IdentityMask. Of a user's FUSE file system not even root gets more than
// the device (fuse_getattr), without its option allow_other: then the inode is one that no
// file has.
func identity(dir int, path string, flags int) (unix.Statx_t, error) {
	st, err := StatxAt(dir, path, flags, IdentityMask)
	if err == unix.EACCES {
		if st, err = StatxAt(dir, path, flags, 0); err == nil && st.Ino == 0 {
			st.Ino = math.MaxUint64
		}
	}
	return st, err
}

func IdOf(st unix.Statx_t) fact.FileID {
	return fact.FileID{Dev: unix.Mkdev(st.Dev_major, st.Dev_minor), Ino: st.Ino}
}

// Same reports that both facts are known, and equal.
func Same[T comparable](a, b fact.Fact[T]) bool {
	return a.State == fact.Known && b.State == fact.Known && a.Value == b.Value
}

// openedFile identifies what an open descriptor stands for, and the mount that it was
// reached through (the first field of its line in mountinfo; 0 where the kernel would
// not say).
func openedFile(fd int) (id fact.FileID, mount uint64, err error) {
	st, err := identity(fd, "", unix.AT_EMPTY_PATH)
	if err != nil {
		return fact.FileID{}, 0, fact.Disbelieved(err)
	}
	mount, said := MountIn(st)
	if !said {
		mount, err = MountOfDescriptor(fd)
	}
	return IdOf(st), mount, err
}

// MountIn is the mount that a file was reached through; false before Linux 5.8, and under QEMU's user mode, which passes
// on that there is one, but not which: 0 is none that anybody sees.
func MountIn(st unix.Statx_t) (mount uint64, said bool) {
	return st.Mnt_id, st.Mask&unix.STATX_MNT_ID != 0 && st.Mnt_id != 0
}

// MountOfDescriptor reads "mnt_id:" of /proc/self/fdinfo/FD (proc_pid_fdinfo(5)), which
// is there since Linux 3.15.
func MountOfDescriptor(fd int) (mount uint64, err error) {
	info := new(procfs.ProcFDInfo)
	self, err := procfs.Self()
	if err == nil {
		info, err = self.FDInfo(strconv.Itoa(fd))
	}
	switch {
	case fact.Vanished(err):
		return 0, nil
	case err != nil || info.MntID == "":
		return 0, err
	}
	return strconv.ParseUint(info.MntID, 10, 64)
}
