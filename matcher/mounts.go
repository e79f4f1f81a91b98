package matcher

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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

// parseMountinfo gives the mount points where a served file system is mounted, and
// its type (proc_pid_mountinfo(5)); also where another is mounted over it. Unlike
// procfs's, it survives a line it does not understand, and undoes the octal escapes
// of mount points.
func parseMountinfo(content []byte) map[string]string {
	slow := map[string]string{}
	for line := range bytes.Lines(content) {
		mount, fs, found := bytes.Cut(line, []byte(" - "))
		fstype, _, _ := bytes.Cut(fs, []byte(" "))
		if !found || !served(string(fstype)) {
			continue
		}
		if fields := strings.Fields(string(mount)); len(fields) >= 5 {
			slow[unescapeOctal(fields[4])] = string(fstype)
		}
	}
	return slow
}

// hidepid reports that the topmost mount at dir has the option hidepid, other than
// 0 or off: that which is no other one's parent. The order of lines says nothing:
// since Linux 6.8 it is that of mount IDs, which `mount --move` keeps.
func hidepid(content []byte, dir string) bool {
	hides, parents := map[string]bool{}, map[string]bool{} // by mount ID
	for line := range strings.Lines(string(content)) {
		mount, fs, _ := strings.Cut(strings.TrimSpace(line), " - ")
		fields, super := strings.Fields(mount), strings.Fields(fs)
		if len(fields) < 5 || len(super) < 3 || unescapeOctal(fields[4]) != dir {
			continue
		}
		id, parent := fields[0], fields[1]
		hides[id], parents[parent] = false, true
		for option := range strings.SplitSeq(super[2], ",") {
			value, found := strings.CutPrefix(option, "hidepid=")
			hides[id] = hides[id] || found && value != "0" && value != "off"
		}
	}
	for id, hidden := range hides {
		if hidden && !parents[id] {
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
	slow := servedMounts()
	if len(slow) == 0 {
		return "", false
	}
	var all []string
	for _, path := range paths {
		if strings.Contains(path, "/") {
			all = append(all, path)
			continue
		}
		for _, dir := range filepath.SplitList(searchPath()) {
			all = append(all, filepath.Join(dir, path))
		}
	}
	return mayHang(slow, all)
}

// servedMounts are the mount points of such file systems, with their types.
func servedMounts() map[string]string {
	var slow map[string]string
	_ = readProcFile("/proc/self/mountinfo", func(content []byte) error { // without /proc nothing else is read either
		slow = parseMountinfo(content)
		return nil
	})
	return slow
}

func mayHang(slow map[string]string, paths []string) (where string, may bool) {
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
		if len(todo) == 0 || links > maxLinks {
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
