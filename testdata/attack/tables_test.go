package attack

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/testdata/need"
	"pidproof/testdata/rounds"
)

// The kernel's tables are as long as an ordinary user makes them: he only has to hold enough of what they list.

// Who holds a lock on a pidfile may be its daemon; the table of locks says so.
func TestManyLocks(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		const recycled = "/run/recycled.pid"
		innocent := start(t, asUser(stranger))
		each := rounds.Of(400, 600)
		dir := userDirectory(t, "locks")
		start(t, asUser("/srv/bin/hold", "locks", dir, "500", strconv.Itoa(each)))
		tried := 0
		for range rounds.Of(1, 20) {
			for _, q := range []question{
				{[]string{"check", "-p", recycled, idle}, "1", ""},
				{[]string{"status", "-p", recycled, idle}, "1", ""},
				{[]string{"killproc", "-p", recycled, idle, "HUP"}, "3", ""},
				{[]string{"start-stop-daemon", "--stop", "--pidfile", recycled, "--exec", idle}, "1", ""},
			} {
				write(t, recycled, innocent.pid(), time.Hour)
				h.asks(t, "beside a long table of locks", q)
				tried++
			}
			tried += h.asksAll(t, "beside a long table of locks")
		}
		rounds.Held(t, tried)
	})
}

// fusermount(1) lets everybody make 1,000 mounts, on paths of 4,000 newlines each, which the table writes as \012.
func TestLongMountTable(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		name := strings.Repeat("\n", 250)
		dir := deepenWith(t, users, name, 15)
		source := strings.Repeat("\n", 4_080)
		for n := range rounds.Of(300, 1_000) {
			must(t, unix.Mkdirat(dir, strconv.Itoa(n), 0o755))
			must(t, unix.Fchdir(dir))
			must(t, unix.Mount(source, strconv.Itoa(n), "tmpfs", 0, "size=4k"))
		}
		must(t, os.Chdir("/"))
		tried := 0
		for range rounds.Of(1, 20) {
			tried += h.asksAll(t, "beside a long table of mounts")
		}
		rounds.Held(t, tried)
	})
}

// deepenWith makes so many directories of this name in each other.
func deepenWith(t *testing.T, path, name string, levels int) (dir int) {
	t.Helper()
	dir, err := unix.Open(path, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
	for range levels {
		must(t, unix.Mkdirat(dir, name, 0o755))
		next, err := unix.Openat(dir, name, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		must(t, err)
		_ = unix.Close(dir)
		dir = next
	}
	return dir
}

// userDirectory is one of the ordinary user's.
func userDirectory(t *testing.T, name string) (path string) {
	t.Helper()
	path = users + "/" + name
	must(t, os.Mkdir(path, 0o755))
	must(t, os.Chown(path, nobody, nobody))
	return path
}

// endOfTable makes files until the next has an inode number by whose last byte a socket stands at the table's end
// (unix_bsd_hash in net/unix/af_unix.c). A tmpfs counts them up.
func endOfTable(t *testing.T, dir string) {
	t.Helper()
	for n := range 256 {
		path := fmt.Sprintf("%s/inode%d", dir, n)
		must(t, os.WriteFile(path, nil, 0o644))
		var st unix.Stat_t
		must(t, unix.Stat(path, &st))
		if st.Ino%256 == 254 {
			return
		}
	}
}

// Root's lost daemon listens, which the table of unix sockets says at its end. At length, that is behind 64 MiB.
func TestLongSocketTable(t *testing.T) {
	onHost(t, func(t *testing.T) {
		runtime.LockOSThread() // the table is a network namespace's: one for what this thread starts
		must(t, unix.Unshare(unix.CLONE_NEWNET))
		h := newQuietHost(t)
		const listener = "/srv/sbin/listend"
		copyFile(t, "/srv/bin/hold", listener)
		endOfTable(t, "/run")
		start(t, exec.Command(listener, "listen", "/run/listend.sock"))
		dir := userDirectory(t, "sockets")
		start(t, asUser("/srv/bin/hold", "sockets", dir, "30", strconv.Itoa(rounds.Of(2_000, 15_000))))
		tried := 0
		for range rounds.Of(1, 20) {
			for _, q := range []question{
				{[]string{"check", "--unclaimed=listening", "-p", "/run/listend.pid", listener}, "150", ""},
				{[]string{"list"}, "0", ""},
			} {
				h.asks(t, "beside a long table of sockets", q)
				tried++
			}
			tried += h.asksAll(t, "beside a long table of sockets")
		}
		rounds.Held(t, tried)
	})
}

// Root's process has a socket that does not listen. What he names his own after, with a newline, is a line of
// /proc/net/unix that says it does.
func TestForgedSocketLine(t *testing.T) {
	onHost(t, func(t *testing.T) {
		newQuietHost(t)
		const holder = "/srv/sbin/holdd"
		copyFile(t, "/srv/bin/hold", holder)
		of := start(t, exec.Command(holder, "abstract", "quiet")).pid()
		socket, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/3", of))
		must(t, err)
		inode := strings.Trim(strings.TrimPrefix(socket, "socket:"), "[]")
		tried := 0
		for range rounds.Of(2, 200) {
			name := fmt.Sprintf("\n0: 00000002 00000000 00010000 0001 01 %s /run/forged", inode)
			user := start(t, asUser("/srv/bin/hold", "abstract", name))
			for _, q := range []question{
				{[]string{"check", "--unclaimed=listening", "-p", "/run/holdd.pid", holder}, "3", ""},
				{[]string{"explain", "-p", "/run/holdd.pid", holder}, "150", ""},
			} {
				a := ask(t, q.args...)
				a.fits(t, "beside a forged line", q.exit)
				if strings.Contains(a.out, "/run/forged") {
					t.Errorf("said to listen: %s", a)
				}
				tried++
			}
			user.end()
		}
		rounds.Held(t, tried)
	})
}

// The kernel tells of sockets in parts, and goes on by their number: of those that a user closed meanwhile as many others were
// passed over, and root's daemon, by its abstract name in the same list, did not listen.
func TestHiddenSocket(t *testing.T) {
	onHost(t, func(t *testing.T) {
		newQuietHost(t)
		const holder, name = "/srv/sbin/holdd", "root's"
		copyFile(t, "/srv/bin/hold", holder)
		start(t, exec.Command(holder, "listen", "@"+name))
		start(t, asUser("/srv/bin/hold", "closing", name, "60"))
		tried := rounds.Of(40, 2000)
		for range tried {
			ask(t, "check", "--unclaimed=listening", "-p", "/run/holdd.pid", holder).fits(t, "beside closing sockets", "150")
		}
		rounds.Held(t, tried)
	})
}

// Each of 200 processes with 20,000 descriptors had root's list, explain and check --unclaimed=listening look at all of them
// for ten seconds, and then say that it cannot be told.
func TestManyDescriptors(t *testing.T) {
	onHost(t, func(t *testing.T) {
		newQuietHost(t)
		tries := func(when, listening string, total, descriptors int) (tried int) {
			command := asUser(idle, "-d", strconv.Itoa(descriptors), "-w", strconv.Itoa(total))
			defer crowd(t, command, total).end()
			for _, q := range []question{
				{[]string{"list", idle}, "0", ""},
				{[]string{"list", "--json"}, "0", ""},
				{[]string{"explain", "-p", noPidfile, idle}, "150", ""},
				{[]string{"check", "-p", noPidfile, idle}, "150", ""},
				{[]string{"check", "--unclaimed=listening", "-p", noPidfile, idle}, listening, ""},
			} {
				ask(t, q.args...).fits(t, when, q.exit)
				tried++
			}
			return tried
		}
		tried := tries("beside some descriptors", "3", 2, 1_000)
		for range rounds.Of(1, 20) {
			tried += tries("beside many descriptors", "150", rounds.Of(200, 400), 40_000)
		}
		rounds.Held(t, tried)
	})
}

// Each of them may belong to another of his subordinate user IDs (newuidmap), so that none has had too many.
func TestManyDescriptorsOfSubordinates(t *testing.T) {
	onHost(t, func(t *testing.T) {
		newQuietHost(t)
		dir := userDirectory(t, "opened")
		must(t, os.Chmod(dir, 0o777))
		tried := 0
		for range rounds.Of(1, 10) {
			var all []process
			for n := range rounds.Of(100, 400) {
				command := exec.Command(idle, "-d", "15000", "-p", fmt.Sprintf("%s/%d.pid", dir, n))
				command.SysProcAttr = as(subordinate(n))
				must(t, command.Start())
				all = append(all, process{Cmd: command})
				t.Cleanup(all[n].end)
			}
			until(t, "all have opened them", func() bool {
				written, err := filepath.Glob(dir + "/*.pid")
				return err == nil && len(written) == len(all)
			})
			for _, q := range []question{
				{[]string{"list", idle}, "0", ""},
				{[]string{"explain", "-p", noPidfile, idle}, "150", ""},
				{[]string{"check", "--unclaimed=listening", "-p", noPidfile, idle}, "150", ""},
			} {
				ask(t, q.args...).fits(t, "beside many descriptors, each process of another user ID", q.exit)
				tried++
			}
			for n, p := range all {
				p.end()
				must(t, os.Remove(fmt.Sprintf("%s/%d.pid", dir, n)))
			}
		}
		rounds.Held(t, tried)
	})
}

// The tables of a network namespace take the kernel milliseconds, however empty they are, and a user makes thousands.
func TestManyNetworkNamespaces(t *testing.T) {
	onHost(t, func(t *testing.T) {
		newQuietHost(t)
		total := rounds.Of(100, 1_500)
		shell := start(t, asUser(need.Program(t, "unshare"), "-Ur", "/bin/sh", "-c",
			`i=0; while [ "$i" -lt "$1" ]; do unshare -n "$2" -d 1 & i=$((i + 1)); done; echo ready; wait`, "sh", strconv.Itoa(total), idle))
		until(t, "all of them run", func() bool {
			all := children(t, shell.pid())
			return len(all) == total && !slices.ContainsFunc(all, func(pid int) bool {
				link, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
				return err != nil || link != idle
			})
		})
		tried := 0
		for range rounds.Of(1, 20) {
			for _, q := range []question{
				{[]string{"list", idle}, "0", ""},
				{[]string{"explain", "-p", noPidfile, idle}, "150", ""},
				{[]string{"check", "--unclaimed=listening", "-p", noPidfile, idle}, "150", ""},
			} {
				ask(t, q.args...).fits(t, "beside many network namespaces", q.exit)
				tried++
			}
		}
		rounds.Held(t, tried)
	})
}
