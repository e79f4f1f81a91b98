package kernel

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

// servedTypes are file systems behind which a server may stop answering. Most
// of them let a waiting process be killed; FUSE does not once its server has
// taken the request (fs/fuse/dev.c, request_wait_answer).
var servedTypes = []string{"nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "afs", "glusterfs", "lustre", "gpfs", "autofs", "fuse", "fuseblk"}

func served(fstype string) bool {
	for _, t := range servedTypes {
		if fstype == t || strings.HasPrefix(fstype, "fuse.") {
			return true
		}
	}
	return false
}

// mount is a line of mountinfo (proc_pid_mountinfo(5)), as far as it is used.
type mount struct {
	id     uint64
	dev    uint64 // of the file system, whatever st_dev its files have (overlayfs, btrfs)
	point  string // of a served one
	fstype string
}

// parseMount takes a line of mountinfo apart. procfs holds the table whole, of which it
// leaves out what is behind a megabyte, and leaves octal escapes; github.com/moby/sys/mountinfo
// fails at a line of 64 KiB, which a user's overlayfs with many layers has.
func parseMount(line []byte) (m mount, is bool) {
	before, super, found := bytes.Cut(line, []byte(" - "))
	fields := bytes.Fields(before)
	if !found || len(fields) < 5 {
		return m, false
	}
	id, err := strconv.ParseUint(string(fields[0]), 10, 64)
	majorText, minorText, _ := strings.Cut(string(fields[2]), ":")
	major, err1 := strconv.ParseUint(majorText, 10, 32)
	minor, err2 := strconv.ParseUint(minorText, 10, 32)
	fstype, _, _ := bytes.Cut(super, []byte(" "))
	m = mount{id: id, dev: unix.Mkdev(uint32(major), uint32(minor)), fstype: string(fstype)}
	if served(m.fstype) { // of the others it may be long, and is not asked for
		m.point = unescapeOctal(string(fields[4]))
	}
	return m, err == nil && err1 == nil && err2 == nil
}

// readMounts reads the mounts of a process, by its directory.
func readMounts(dir string) (mounts []mount, err error) {
	err = readTable(dir+"/mountinfo", func(line []byte) {
		if m, is := parseMount(line); is {
			mounts = append(mounts, m)
		}
	})
	return mounts, err
}

// mountsOf reads those of a process, which a thread that has ended sees no more (EINVAL,
// mounts_open_common in fs/proc_namespace.c).
func (h *System) mountsOf(pid int) (mounts []mount, err error) {
	againErr := h.lookAgain(pid, func(dir string) (nothing bool) {
		mounts, err = readMounts(dir)
		return fact.Vanished(err) || errors.Is(err, unix.EINVAL)
	})
	return mounts, cmp.Or(err, againErr)
}

// servedAmong gives the mount points where a served file system is mounted, and
// its type; also where another is mounted over it.
func servedAmong(mounts []mount) map[string]string {
	slow := map[string]string{}
	for _, m := range mounts {
		if served(m.fstype) {
			slow[m.point] = m.fstype
		}
	}
	return slow
}

// hidepid gathers from mountinfo whether the topmost mount at a directory has the option
// hidepid, other than 0 or off: that which is no other one's parent. The order of lines says
// nothing: since Linux 6.8 it is that of mount IDs, which `mount --move` keeps.
type hidepid struct {
	dir            string
	hides, parents map[string]bool // by mount ID
}

func (o *hidepid) add(line []byte) {
	mount, fs, _ := strings.Cut(string(line), " - ")
	fields, super := strings.Fields(mount), strings.Fields(fs)
	if len(fields) < 5 || len(super) < 3 || unescapeOctal(fields[4]) != o.dir {
		return
	}
	id, parent := fields[0], fields[1]
	if o.hides == nil {
		o.hides, o.parents = map[string]bool{}, map[string]bool{}
	}
	o.hides[id], o.parents[parent] = false, true
	for option := range strings.SplitSeq(super[2], ",") {
		value, found := strings.CutPrefix(option, "hidepid=")
		o.hides[id] = o.hides[id] || found && value != "0" && value != "off"
	}
}

func (o *hidepid) applies() bool {
	for id, hides := range o.hides {
		if hides && !o.parents[id] {
			return true
		}
	}
	return false
}

// unescapeOctal undoes the \040 of blanks, tabs, newlines and backslashes.
func unescapeOctal(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var out []byte
	for i := 0; i < len(s); i++ {
		var c byte
		if n, err := fmt.Sscanf(s[i:min(i+4, len(s))], `\%3o`, &c); err == nil && n == 1 && i+4 <= len(s) {
			out = append(out, c)
			i += 3
			continue
		}
		out = append(out, s[i])
	}
	return string(out)
}

// MayHang reports whether a daemon or pidfile leads through a file system whose
// server may never answer, and names it. It looks at nothing but the mount
// table and at links of file systems that do answer. A process that touches
// such a path may become impossible to kill: ask from one you need not wait for.
func MayHang(paths ...string) (where string, may bool) {
	var all []string
	for _, path := range paths {
		if strings.Contains(path, "/") {
			all = append(all, path)
			continue
		}
		for _, dir := range filepath.SplitList(SearchPath()) {
			all = append(all, filepath.Join(dir, path))
		}
	}
	if leadsToNoServer(all) {
		return "", false
	}
	slow, err := servedMounts()
	if err != nil { // the question itself will say so
		return "", false
	}
	return mayHang(slow, all)
}

// servedMounts are the mount points of such file systems, with their types.
func servedMounts() (map[string]string, error) {
	mounts, err := readMounts("/proc/self")
	if fact.Vanished(err) || errors.Is(err, unix.ENOTDIR) { // without /proc nothing else is read either
		return nil, nil
	}
	return servedAmong(mounts), err
}

// mounted is our own mount tree, read once for a question.
func (h *System) mounted() ([]mount, error) {
	h.mountsOnce.Do(func() { h.mounts, h.mountsErr = readMounts("/proc/self") })
	return h.mounts, h.mountsErr
}

// Served are the mount points in our own tree that may hang.
func (h *System) Served() (map[string]string, error) {
	h.servedOnce.Do(func() {
		var mounts []mount
		if mounts, h.slowErr = h.mounted(); h.slowErr == nil {
			h.slow = servedAmong(mounts)
		}
	})
	return h.slow, h.slowErr
}

// MayHang is MayHang for one path, by what was read once.
func (h *System) MayHang(path string) (where string, may bool) {
	slow, err := h.Served()
	if err != nil {
		return "a file system that is not known: " + fact.Plain(err), true
	}
	return mayHang(slow, []string{path})
}

func mayHang(slow map[string]string, paths []string) (where string, may bool) {
	if len(slow) == 0 {
		return "", false
	}
	for _, path := range paths {
		if !filepath.IsAbs(path) {
			cwd, err := os.Readlink("/proc/self/cwd")
			if err != nil {
				continue
			}
			path = cwd + "/" + path
		}
		if dir := firstSlow(slow, path); dir != "" {
			return fmt.Sprintf("the %s file system on %s", slow[dir], dir), true
		}
	}
	return "", false
}

// firstSlow follows path, link by link, until it enters one of the mounts.
func firstSlow(slow map[string]string, path string) string {
	at := "/"
	todo := strings.Split(path, "/")
	for links := 0; ; {
		if _, found := slow[at]; found {
			return at
		}
		if len(todo) == 0 || links > MaxLinks {
			return ""
		}
		name := todo[0]
		todo = todo[1:]
		next := filepath.Join(at, name) // `at` holds no link, so `..` is lexical
		if _, found := slow[next]; found {
			return next
		}
		target, err := os.Readlink(next)
		switch {
		case err != nil: // no link, or nothing there
			at = next
			continue
		case filepath.IsAbs(target):
			at = "/"
		}
		links++
		todo = append(strings.Split(target, "/"), todo...)
	}
}
