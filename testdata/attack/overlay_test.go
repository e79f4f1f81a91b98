package attack

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/testdata/need"
	"pidproof/testdata/rounds"
)

// More of fuse_test.go: an ordinary user leads who looks at his process into a file system whose server does not answer.

// fuseDevice is one that everybody may open, as on most hosts.
func fuseDevice(t *testing.T) (path string) {
	t.Helper()
	need.File(t, "/dev/fuse")
	path = "/srv/fuse-device"
	if err := unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(10, 229))); err != nil && err != unix.EEXIST {
		t.Fatal(err)
	}
	must(t, os.Chmod(path, 0o666))
	return path
}

// overlay is one over a FUSE file system, in a user namespace. In an overlay everybody works with the credentials of
// who mounted it: FUSE's refusal to answer root, too, does not help.
type overlay struct {
	process
	orders io.Writer
	server int
	inside int // a process whose working directory is the overlay's
}

// overlayScript ends with a program whose link is /proc/PID/cwd/x, PID being that of the process inside.
const overlayScript = `dir=$2
mount -t tmpfs mine "$dir" && cd "$dir" && mkdir lower upper work merged || exit
/srv/bin/fuse "$1" "$dir/lower" directory >/dev/null &
server=$!
until grep -q " $dir/lower fuse" /proc/self/mounts; do :; done
mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work,userxattr mine merged || exit
(cd merged && exec sleep 10000 >/dev/null) &
until [ "$(readlink /proc/$!/cwd)" = "$dir/merged" ]; do :; done
printf 'ready\n%d %d\n' "$server" "$!"
read go
mount -t tmpfs mine /proc && mkdir -p "/proc/$!/cwd" && cp /srv/bin/spoof "/proc/$!/cwd/x" && exec "/proc/$!/cwd/x"`

func newOverlay(t *testing.T) (o overlay) {
	t.Helper()
	dir := users + "/overlay"
	must(t, os.Mkdir(dir, 0o755))
	command := asUser(need.Program(t, "unshare"), "-Urm", "/bin/sh", "-c", overlayScript, "sh", fuseDevice(t), dir)
	orders, err := command.StdinPipe()
	must(t, err)
	o.orders, o.process = orders, start(t, command)
	_, err = fmt.Fscanf(o.said, "%d %d\n", &o.server, &o.inside)
	must(t, err)
	return o
}

// die ends all answers. Who waits for one waits until the test ends.
func (o overlay) die(t *testing.T) {
	t.Helper()
	t.Cleanup(func() { _ = unix.Kill(o.server, unix.SIGKILL) })
	must(t, unix.Kill(o.server, unix.SIGUSR1))
	until(t, "the server has got the signal", func() bool { return !isPending(t, o.server, unix.SIGUSR1) }) // else it may still answer
}

// isPending: a signal was sent to a process, and not delivered yet (ShdPnd, proc_pid_status(5)).
func isPending(t *testing.T, pid int, signal unix.Signal) bool {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	_, after, found := strings.Cut(string(status), "\nShdPnd:\t")
	mask, _, _ := strings.Cut(after, "\n")
	pending, err := strconv.ParseUint(mask, 16, 64)
	must(t, err)
	if !found {
		t.Fatalf("no ShdPnd in %q", status)
	}
	return pending&(1<<(signal-1)) != 0
}

func TestOverlayOnDeadServer(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		makeScript(t)
		o := newOverlay(t)
		// One that stays in the host's tree runs a script there.
		inside := asUser("/bin/sh", "-c", `cd "/proc/$1/cwd" && echo ready && read go && exec /bin/sh x.sh`, "sh", strconv.Itoa(o.inside))
		orders, err := inside.StdinPipe()
		must(t, err)
		p := start(t, inside)
		_, err = io.WriteString(o.orders, "go\n")
		must(t, err)
		o.says(t, "ready")
		o.die(t)
		_, err = io.WriteString(orders, "go\n")
		must(t, err)
		until(t, "the shell waits for the server", func() bool { return waitsForServer(p.pid()) })
		tried := 0
		for range rounds.Of(1, 20) {
			for _, daemon := range []string{idle, script} {
				tried += h.runsNot(t, "beside an overlay on a dead file server", daemon)
			}
			tried += h.asksAll(t, "beside an overlay on a dead file server")
		}
		rounds.Held(t, tried)
	})
}

// waitsForServer: of a file system in user space.
func waitsForServer(pid int) bool {
	where, _ := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", pid))
	return string(where) == "request_wait_answer"
}

// The text of a link is a path of the user's mount tree. In the host's, a directory of it is now an empty one, now a link
// to a dead file server's.
func TestSwappedDirectory(t *testing.T) {
	onHost(t, func(t *testing.T) {
		need.File(t, "/dev/fuse")
		h := newQuietHost(t)
		must(t, os.Mkdir("/srv/dead", 0o755))
		start(t, exec.Command("/srv/bin/fuse", "/dev/fuse", "/srv/dead", "dead", "allow_other"))
		const here, other = users + "/swapped", users + "/other"
		must(t, os.Symlink("/srv/sbin", here))
		must(t, os.Symlink("/srv/dead", other))
		for _, link := range []string{here, other} {
			must(t, os.Lchown(link, nobody, nobody))
		}
		start(t, asUser(need.Program(t, "unshare"), "-Urm", "/bin/sh", "-c", `mount -t tmpfs mine "$1" && mkdir "$2" && cp /srv/bin/spoof "$2/0" && i=0
while [ $((i += 1)) -le 100 ]; do ln "$2/0" "$2/$i" && { "$2/$i" >/dev/null & } || exit; done
echo ready; wait`, "sh", users, here))
		start(t, asUser("/srv/bin/flip", here, other))
		tried := 0
		for range rounds.Of(10, 500) {
			h.asks(t, "while a directory is swapped", question{[]string{"check", "-p", noPidfile, idle}, "3", ""})
			tried++
		}
		tried += h.asksAll(t, "while a directory is swapped")
		rounds.Held(t, tried)
	})
}

// The first thread of a process ends, and waits for a file server when it has let go of its program: it has none, as one
// that is between two programs, but for ever.
func TestHalfEnded(t *testing.T) {
	onHost(t, func(t *testing.T) {
		need.File(t, "/dev/fuse")
		h := newQuietHost(t)
		for _, name := range []string{"idle", "other"} {
			file := filepath.Join("/srv", name+".dead")
			must(t, os.WriteFile(file, nil, 0o644))
			server := start(t, exec.Command("/srv/bin/fuse", "/dev/fuse", file, "program", "/srv/bin/spoof", "allow_other"))
			path := filepath.Join(users, name)
			copyFile(t, "/srv/bin/half", path)
			half := asUser(path, file)
			orders, err := half.StdinPipe()
			must(t, err)
			p := start(t, half)
			t.Cleanup(server.end) // before who waits for it, whom nobody can kill
			must(t, server.Process.Signal(unix.SIGUSR1))
			server.says(t, "dead")
			_, err = io.WriteString(orders, "go\n")
			must(t, err)
			until(t, "its first thread has no program, and waits", func() bool {
				_, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.pid()))
				return err != nil && waitsForServer(p.pid())
			})
		}
		tried := 0
		for range rounds.Of(1, 20) {
			tried += h.runsNot(t, "beside half ended processes", idle)
			tried += h.asksAll(t, "beside half ended processes")
		}
		rounds.Held(t, tried)
	})
}
