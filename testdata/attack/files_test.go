package attack

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/testdata/need"
	"pidproof/testdata/rounds"
)

// An ordinary user fills /run/lock, where everybody may write, with files that look like pidfiles.
func TestManyFiles(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		looksLate(t)
		tried := h.asksAll(t, "late, on a quiet host")
		made := 0
		for _, n := range []int{1_030, rounds.Of(10_000, 100_000)} {
			fill(t, "/run/lock/mine", made, n, h.main.pid())
			made = n
			for range rounds.Of(1, 10) {
				tried += h.asksAll(t, fmt.Sprintf("beside %d files of a user's", n))
			}
		}
		rounds.Held(t, tried)
	})
}

// fill has the ordinary user make files there, until there are so many: a third are pidfiles that name a process.
func fill(t *testing.T, dir string, made, total, pid int) {
	t.Helper()
	script := `umask 022; mkdir -p "$1" && cd "$1" && i=$2
while [ $((i += 1)) -le "$3" ]; do : >"$i.pid"; : >"empty$i"; echo "$4" >"webd$i.pid"; done`
	said, err := asUser("/bin/sh", "-c", script, "sh", dir, fmt.Sprint(made/3), fmt.Sprint(total/3), fmt.Sprint(pid)).CombinedOutput()
	if err != nil {
		t.Fatal(err, string(said))
	}
}

// looksLate: the clock was set, so that only other pidfiles tell whose a number is.
func looksLate(t *testing.T) {
	t.Helper()
	long := time.Now().Add(-time.Hour)
	must(t, os.Chtimes(pidfile, long, long))
}

// groupsDirectory is one of root's in which a group may write, as BIND's on Debian.
func groupsDirectory(t *testing.T) (dir string) {
	t.Helper()
	dir = "/run/named"
	must(t, os.Mkdir(dir, 0o755))
	must(t, os.Chown(dir, 0, nobody))
	must(t, os.Chmod(dir, 0o775))
	return dir
}

// Who has that group fills the directory: what lies there is not root's.
func TestGroupsDirectory(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		looksLate(t)
		dir := groupsDirectory(t)
		tried := 0
		total := rounds.Of(30_000, 200_000)
		fill(t, dir, 0, total, h.main.pid())
		for range rounds.Of(1, 10) {
			tried += h.asksAll(t, fmt.Sprintf("beside %d files in a group's directory", total))
		}
		rounds.Held(t, tried)
	})
}

// newuidmap(1) gives each user 65,536 further user IDs: his files are as if a thousand users had made them.
func TestSubordinateUsers(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		looksLate(t)
		const owners = 1_000
		tried := 0
		total := rounds.Of(20_000, 200_000)
		for n := range total {
			path := fmt.Sprintf("/run/lock/%d.pid", n)
			write(t, path, 1+n%30_000, 0)
			must(t, os.Chown(path, 100_000+n%owners, nobody))
		}
		when := fmt.Sprintf("beside %d files of %d users", total, owners)
		for range rounds.Of(1, 10) {
			for _, q := range h.questions() {
				h.asks(t, when, q)
			}
			h.stopsSecond(t, when)
			tried += len(h.questions()) + 1
		}
		rounds.Held(t, tried)
	})
}

// A lease (fcntl(2)) makes open(2) of a user's file fail, or wait for him.
func TestLease(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		dir := groupsDirectory(t)
		for _, path := range []string{"/run/lock/x.pid", dir + "/x.pid"} {
			start(t, asUser("/srv/bin/hold", "lease", path))
		}
		tried := 0
		for range rounds.Of(1, 50) {
			tried += h.asksAll(t, "beside leases")
		}
		rounds.Held(t, tried)
	})
}

// Who does not want to wait cannot read it.
func TestLeaseControl(t *testing.T) {
	onHost(t, func(t *testing.T) {
		const path = "/run/lock/x.pid"
		start(t, asUser("/srv/bin/hold", "lease", path))
		if fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0); err != unix.EAGAIN {
			t.Errorf("opened as %d, %v", fd, err)
		}
	})
}

// Each of a thousand links to one file is a daemon for list, if a pidfile names who runs it, and every process of the file was
// judged for each of them: 299 MiB, and no answer.
func TestManyLinks(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		const links = 600
		dir, pidfiles := userDirectory(t, "links"), "/run/lock/mine"
		must(t, os.Mkdir(pidfiles, 0o755))
		must(t, os.Chown(pidfiles, nobody, nobody))
		copyFile(t, daemon, dir+"/base")
		shell := start(t, asUser("/bin/sh", "-c", `cd "$1" && i=0
while [ "$i" -lt "$3" ]; do ln base "d$i" && { "$1/d$i" -p "$2/d$i.pid" & "$1/base" & "$1/base" & }; i=$((i + 1)); done
echo ready; wait`, "sh", dir, pidfiles, fmt.Sprint(links)))
		until(t, "all of them run, and have pidfiles", func() bool {
			written, err := filepath.Glob(pidfiles + "/*.pid")
			return err == nil && len(written) == links && len(children(t, shell.pid())) == 3*links
		})
		tried := 0
		for range rounds.Of(1, 20) {
			for _, args := range [][]string{{"list"}, {"list", "--json"}, {"list", "--prometheus"}} {
				a := ask(t, args...)
				a.fits(t, "beside many links", "0")
				if len(args) == 1 {
					h.isListed(t, "beside many links", a)
				}
				tried++
			}
		}
		rounds.Held(t, tried)
	})
}

// Nor is a directory of root's looked through, for other links to what was started by one there, for each pidfile that names a
// process of it.
func TestManyOfOneLink(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		total := rounds.Of(300, 900)
		const link = "/srv/sbin/sh-alias"
		must(t, os.Symlink(need.Program(t, "sh"), link))
		for n := range 2_000 {
			must(t, os.Symlink("/bin/sh", fmt.Sprintf("/srv/sbin/link%d", n)))
		}
		pidfiles := "/run/lock/mine"
		must(t, os.Mkdir(pidfiles, 0o755))
		must(t, os.Chown(pidfiles, nobody, nobody))
		must(t, unix.Mkfifo(users+"/never", 0o644))
		shell := start(t, asUser("/bin/sh", "-c", `i=0
while [ "$i" -lt "$3" ]; do "$1" -c 'echo $$ >"$0"; read x <"$1"' "$2/$i.pid" "$4" & i=$((i + 1)); done
echo ready; wait`, "sh", link, pidfiles, fmt.Sprint(total), users+"/never"))
		until(t, "all of them run, and have pidfiles", func() bool {
			written, err := filepath.Glob(pidfiles + "/*.pid")
			return err == nil && len(written) == total && len(children(t, shell.pid())) == total
		})
		tried := 0
		for range rounds.Of(1, 20) {
			a := ask(t, "list")
			a.fits(t, "beside many processes of one link", "0")
			h.isListed(t, "beside many processes of one link", a)
			tried++
		}
		rounds.Held(t, tried)
	})
}
