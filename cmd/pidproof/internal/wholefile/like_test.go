package wholefile

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/testdata/need"
	"pidproof/testdata/waiting"
)

// acl is "user::rw-,user:1236:r--,group::r--,mask::r--,other::---", acl(5), as the kernel keeps it.
const acl = "\x02\x00\x00\x00" +
	"\x01\x00\x06\x00\xff\xff\xff\xff" + "\x02\x00\x04\x00\xd4\x04\x00\x00" + "\x04\x00\x04\x00\xff\xff\xff\xff" +
	"\x10\x00\x04\x00\xff\xff\xff\xff" + "\x20\x00\x00\x00\xff\xff\xff\xff"

// All but the content stays: owner, mode, ACL, other attributes.
func TestReplaceLike(t *testing.T) {
	need.Root(t)
	dir, beside := t.TempDir(), t.TempDir()
	path := dir + "/x"
	must(t, os.WriteFile(path, []byte("old"), 0o644), os.Chown(path, 1234, 1235), os.Chmod(path, 0o640),
		unix.Setxattr(path, "system.posix_acl_access", []byte(acl), 0), unix.Setxattr(path, "trusted.pidproof", []byte("\x00kept"), 0))
	must(t, ReplaceLike(root(t, dir), "x", []byte("new"), root(t, beside)))
	var st unix.Stat_t
	must(t, unix.Stat(path, &st))
	if st.Uid != 1234 || st.Gid != 1235 || st.Mode&0o7777 != 0o640 {
		t.Errorf("uid %d, gid %d, mode %o", st.Uid, st.Gid, st.Mode)
	}
	for name, want := range map[string]string{"system.posix_acl_access": acl, "trusted.pidproof": "\x00kept"} {
		got := make([]byte, 100)
		if n, err := unix.Getxattr(path, name, got); err != nil || string(got[:n]) != want {
			t.Errorf("%s: %q, %v", name, got[:max(n, 0)], err)
		}
	}
	holds(t, dir, map[string]string{"x": "new"})
	holds(t, beside, nil)
}

func TestReplaceLikeRefuses(t *testing.T) {
	dir := t.TempDir()
	r := root(t, dir)
	must(t, os.WriteFile(dir+"/target", []byte("old"), 0o644), os.Symlink("target", dir+"/link"), unix.Mkfifo(dir+"/fifo", 0o644))
	for name, why := range map[string]string{"link": "it is a symbolic link to target", "fifo": "no regular file", "none": "no such file", "../x": "no name of a file"} {
		if err := ReplaceLike(r, name, []byte("new"), r); err == nil || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), filepath.Join(dir, name)+" not written") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if content, err := os.ReadFile(dir + "/target"); string(content) != "old" {
		t.Errorf("%q, %v", content, err)
	}
}

// A writer that is killed leaves nothing beside the file: inetutils-inetd(8) reads every file of its directory.
func TestReplaceLikeKilled(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(dir+"/d", 0o755), os.WriteFile(dir+"/d/x", contents[0], 0o644))
	cmd := childThat("like", dir)
	must(t, cmd.Start())
	defer cmd.Process.Kill()
	for deadline := time.Now().Add(waiting.Limit); !growing(dir) && !growing(dir+"/d"); {
		if time.Now().After(deadline) {
			t.Fatal("no temporary file ever grows")
		}
	}
	must(t, cmd.Process.Kill())
	if err := cmd.Wait(); err == nil {
		t.Error("it was not killed")
	}
	entries, err := os.ReadDir(dir + "/d")
	content, unread := os.ReadFile(dir + "/d/x")
	if must(t, errors.Join(err, unread)); len(entries) != 1 || !bytes.Equal(content, contents[0]) && !bytes.Equal(content, contents[1]) {
		t.Errorf("%v, %d bytes", entries, len(content))
	}
}
