package attack

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/testdata/need"
	"pidproof/testdata/rounds"
)

// A user's file servers do not answer, or only until his program runs. On some of them root may look (allow_other), as
// FUSE's setuid helper mounts them; others he makes in a user namespace.

func TestDeadFileServers(t *testing.T) {
	onHost(t, func(t *testing.T) {
		need.File(t, "/dev/fuse")
		h := newQuietHost(t)
		// What fusermount(1) does for him: a directory under /run, which list looks through.
		for _, dir := range []string{"/run/user/65534/fuse.pid", "/run/lock/fuse", users + "/fuse"} {
			must(t, os.MkdirAll(dir, 0o755))
			for _, option := range []string{"allow_other", ""} {
				mountPoint := dir + option
				must(t, os.MkdirAll(mountPoint, 0o755))
				start(t, exec.Command("/srv/bin/fuse", strings.Fields("/dev/fuse "+mountPoint+" dead "+option)...))
			}
		}
		// And one of his own, which root may not enter.
		must(t, os.Mkdir("/run/lock/mine", 0o755))
		must(t, os.Chown("/run/lock/mine", nobody, nobody))
		start(t, exec.Command("/srv/bin/fuse", "/dev/fuse", "/run/lock/mine", "dead", fmt.Sprintf("user_id=%d,group_id=%d", nobody, nobody)))
		must(t, os.Symlink(users+"/fuseallow_other/x.pid", users+"/x.pid"))
		must(t, os.Lchown(users+"/x.pid", nobody, nobody))
		for _, name := range []string{"idle", "webd"} {
			startOnDying(t, name)
			startInUserNamespace(t, name)
		}
		tried := 0
		for range rounds.Of(1, 20) {
			tried += h.asksAll(t, "beside dead file servers")
			for _, path := range []string{users + "/x.pid", users + "/fuseallow_other/webd.pid", "/run/lock/fuseallow_other/webd.pid"} {
				ask(t, "--timeout", "2", "check", "-p", path, daemon).fits(t, "on a dead file server", "4")
				ask(t, "--timeout", "2", "killproc", "-p", path, daemon).fits(t, "on a dead file server", "4")
				tried += 2
			}
			if t.Failed() {
				return
			}
		}
		rounds.Held(t, tried)
	})
}

// startOnDying runs a program of the user's from a server that dies then, and has the kernel forget what it knew.
func startOnDying(t *testing.T, name string) process {
	t.Helper()
	path := filepath.Join(users, name)
	must(t, os.WriteFile(path, nil, 0o755))
	server := start(t, exec.Command("/srv/bin/fuse", "/dev/fuse", path, "program", "/srv/bin/spoof", "allow_other"))
	_, err := os.Stat(path) // the kernel asks for the size
	must(t, err)
	command := exec.Command(path)
	command.SysProcAttr = as(nobody)
	p := start(t, command)
	t.Cleanup(server.end) // before who waits for it, whom nobody can kill
	must(t, server.Process.Signal(unix.SIGUSR1))
	server.says(t, "dead")
	return p
}

// startInUserNamespace runs a program over the daemon's path, from a server in there. Everybody may use FUSE on most hosts.
func startInUserNamespace(t *testing.T, name string) process {
	t.Helper()
	path := "/srv/sbin/" + name
	script := `"$1" "$2" "$3" program /srv/bin/spoof >/dev/null &
until grep -q " $3 fuse" /proc/self/mounts; do :; done
stat "$3" >/dev/null && exec "$3"`
	command := exec.Command(need.Program(t, "unshare"), "-Urm", "/bin/sh", "-c", script, "sh", "/srv/bin/fuse", fuseDevice(t), path)
	command.SysProcAttr = as(nobody)
	p := start(t, command)
	for _, server := range children(t, p.pid()) {
		must(t, unix.Kill(server, unix.SIGUSR1))
		t.Cleanup(func() { _ = unix.Kill(server, unix.SIGKILL) })
	}
	return p
}

// Who looks at a dead server's directory waits.
func TestDeadFileServersControl(t *testing.T) {
	onHost(t, func(t *testing.T) {
		must(t, os.Mkdir("/srv/dead", 0o755))
		server := start(t, exec.Command("/srv/bin/fuse", "/dev/fuse", "/srv/dead", "dead"))
		look := exec.Command("/bin/ls", "/srv/dead/x")
		must(t, look.Start())
		t.Cleanup(process{Cmd: look}.end)
		t.Cleanup(server.end)
		until(t, "ls waits for the server", func() bool { return waitsForServer(look.Process.Pid) })
	})
}
