package kernel

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

// leadsToNoServer reports that no path leads through a file system whose server may not
// answer. It is asked first, as it costs the same however long the table of mounts is:
// the kernel follows the paths by what it has in memory (RESOLVE_CACHED, openat2(2)) and
// says what each step is mounted from (statmount(2), Linux 6.8). Where that does not
// tell, the answer is no, and the table has to.
func leadsToNoServer(paths []string) bool {
	if !entersFreely() {
		return false
	}
	kinds := map[uint64]bool{} // by mount: a server's, or not
	return !slices.ContainsFunc(paths, func(path string) bool { return !leadsFreely(kinds, path) })
}

// entersFreely: no file system is known to the kernel here that asks its server whenever
// one enters a mount of it (complete_walk in fs/namei.c: nfs and 9p have a
// d_weak_revalidate). FUSE does not, and autofs gives up (autofs_d_manage in
// fs/autofs/root.c) where it would have to wait.
func entersFreely() bool {
	freely := true
	err := readProcFile("/proc/filesystems", filesystemsLimit, func(content []byte) error {
		for name := range bytes.FieldsSeq(content) { // and "nodev"
			freely = freely && (!served(string(name)) || slices.Contains([]string{"autofs", "fuse", "fuseblk"}, string(name)))
		}
		if len(content) == filesystemsLimit {
			return errDamaged
		}
		return nil
	})
	return err == nil && freely
}

// filesystemsLimit is more than Linux has file systems for.
const filesystemsLimit = 64 << 10

// leadsFreely follows a path, link by link.
func leadsFreely(kinds map[uint64]bool, path string) bool {
	if !filepath.IsAbs(path) {
		cwd, err := os.Readlink("/proc/self/cwd")
		if err != nil {
			return false
		}
		path = cwd + "/" + path
	}
	at, err := openCached(unix.AT_FDCWD, "/")
	if err != nil {
		return false
	}
	defer func() { unix.Close(at) }()
	todo := strings.Split(path, "/")
	for links := 0; len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		if name == "" {
			continue
		}
		if !isLocal(kinds, at) {
			return false
		}
		next, err := openCached(at, name)
		if err != nil {
			return fact.Missing(err) || err == unix.ENOTDIR // there the way ends
		}
		target, err := ReadOpenedLink(next)
		if err == unix.ENOENT { // no link, readlink(2)
			unix.Close(at)
			at = next
			continue
		}
		unix.Close(next)
		if err != nil {
			return false
		}
		if links++; links > MaxLinks {
			return false
		}
		if filepath.IsAbs(target) {
			if next, err = openCached(unix.AT_FDCWD, "/"); err != nil {
				return false
			}
			unix.Close(at)
			at = next
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	return isLocal(kinds, at)
}

// openCached opens what the kernel has in memory, or fails with EAGAIN.
func openCached(dir int, name string) (int, error) {
	const resolveCached = 0x20 // RESOLVE_CACHED, include/uapi/linux/openat2.h, which x/sys lacks
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: resolveCached}
	return Retried(func() (int, error) { return unix.Openat2(dir, name, &how) })
}

// isLocal reports that what was opened has no server that may not answer.
func isLocal(kinds map[uint64]bool, fd int) bool {
	var st unix.Statx_t
	err := unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_MNT_ID_UNIQUE, &st)
	if err != nil || st.Mask&unix.STATX_MNT_ID_UNIQUE == 0 {
		return false
	}
	if _, known := kinds[st.Mnt_id]; !known {
		kind, err := mountedKind(st.Mnt_id)
		kinds[st.Mnt_id] = err == nil && !served(kind)
	}
	return kinds[st.Mnt_id]
}

// mountedKind asks statmount(2) for the type of file system of a mount, which has no
// wrapper in x/sys yet: struct mnt_id_req, and struct statmount, of 512 bytes before its
// strings (include/uapi/linux/mount.h).
func mountedKind(mount uint64) (string, error) {
	const typeOnly = 0x20 // STATMOUNT_FS_TYPE
	request := struct {
		size, spare uint32
		mount, mask uint64
	}{24, 0, mount, typeOnly}
	const maskAt, typeAt, stringsAt = 8, 36, 512
	var answer [1024]byte
	_, _, errno := unix.Syscall6(unix.SYS_STATMOUNT, uintptr(unsafe.Pointer(&request)),
		uintptr(unsafe.Pointer(&answer)), unsafe.Sizeof(answer), 0, 0, 0)
	at := binary.NativeEndian.Uint32(answer[typeAt:])
	switch {
	case errno != 0:
		return "", errno
	case binary.NativeEndian.Uint64(answer[maskAt:])&typeOnly == 0 || at >= uint32(len(answer)-stringsAt):
		return "", unix.ENODATA
	}
	return unix.ByteSliceToString(answer[stringsAt+at:]), nil
}
