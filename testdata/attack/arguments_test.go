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

	"pidproof/testdata/rounds"
)

// An ordinary user's processes whose arguments are without end, or never come, under names like the daemons'.

// hugeNames begin like the daemons', so that their arguments are of interest.
var hugeNames = []string{"idle", "webd", "nosuchname-but-longer", "idle-and-a-long-name"}

// terabytes that /proc/PID/cmdline offers.
const terabytes = "60000"

func TestHugeArguments(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		for _, name := range hugeNames {
			s := spoof{what: "arguments without end", file: name, env: []string{"HOW=huge", "GIGABYTES=" + terabytes}}
			s.start(t)
		}
		tried := 0
		for range rounds.Of(1, 100) {
			tried += h.asksBeside(t, "beside arguments without end")
		}
		rounds.Held(t, tried)
	})
}

// asksBeside asks also by names of which the kernel keeps 15 bytes only. There, who cannot be told may matter.
func (h quietHost) asksBeside(t *testing.T, when string) (asked int) {
	t.Helper()
	const long = "idle-and-a-long-name-of-nobody"
	ask(t, "start-stop-daemon", "--stop", "--test", "--name", long).fits(t, when, "1", "3")
	ask(t, "start-stop-daemon", "--status", "--name", long+"-2").fits(t, when, "3", "4")
	ask(t, "pidof", "-x", "no-script").fits(t, when, "1", "4")
	return 3 + h.asksAll(t, when)
}

func TestHugeArgumentsControl(t *testing.T) {
	onHost(t, func(t *testing.T) {
		s := spoof{file: "idle", env: []string{"HOW=huge", "GIGABYTES=" + terabytes}}
		file, err := os.Open(fmt.Sprintf("/proc/%d/cmdline", s.start(t).pid()))
		must(t, err)
		defer file.Close()
		const much = 256 << 20
		if n, err := io.CopyN(io.Discard, file, much); n != much {
			t.Errorf("read %d of %d: %v", n, much, err)
		}
	})
}

// startSilent starts so many of an ordinary user's processes whose arguments never come.
func startSilent(t *testing.T, name string, total int) {
	t.Helper()
	startSilentOf(t, name, total, func(int) uint32 { return nobody })
}

// startSilentOf starts them as one user or several.
func startSilentOf(t *testing.T, name string, total int, user func(n int) uint32) {
	t.Helper()
	file, server := deadFile(t, name)
	path := filepath.Join(users, name)
	copyFile(t, "/srv/bin/silent", path)
	var last process
	for n := range total {
		command := exec.Command(path, file)
		command.SysProcAttr = as(user(n))
		last = start(t, command)
	}
	t.Cleanup(server.end) // before who waits for it, whom nobody can kill
	until(t, "a read of its arguments waits", func() bool { return isSilent(t, last.pid()) })
}

// deadFile is one on a file server that never answers a read.
func deadFile(t *testing.T, name string) (file string, server process) {
	t.Helper()
	file = filepath.Join("/srv", name+".dead")
	must(t, os.WriteFile(file, nil, 0o644))
	return file, start(t, exec.Command("/srv/bin/fuse", "/dev/fuse", file, "file", "allow_other"))
}

// isSilent: cat waits in the kernel.
func isSilent(t *testing.T, pid int) bool {
	t.Helper()
	cat := exec.Command("/bin/cat", fmt.Sprintf("/proc/%d/cmdline", pid))
	must(t, cat.Start())
	ended := make(chan struct{})
	go func() { _ = cat.Wait(); close(ended) }()
	t.Cleanup(func() { _ = cat.Process.Kill() }) // it ends with the server
	silent := false
	until(t, "cat waits or ends", func() bool {
		select {
		case <-ended:
			return true
		default:
		}
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cat.Process.Pid))
		_, state, _ := strings.Cut(string(stat), ") ")
		call, _ := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", cat.Process.Pid))
		silent = strings.HasPrefix(state, "D") && strings.HasPrefix(string(call), strconv.Itoa(unix.SYS_READ)+" ")
		return silent
	})
	return silent
}

func TestSilentArguments(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		for _, name := range hugeNames {
			startSilent(t, name, 1)
		}
		tried := 0
		for range rounds.Of(1, 20) {
			tried += h.asksBeside(t, "beside arguments that never come")
		}
		rounds.Held(t, tried)
	})
}

// TestFullPipe: nobody reads the answer, and the deadline holds.
func TestFullPipe(t *testing.T) {
	onHost(t, func(t *testing.T) {
		newQuietHost(t)
		questions := []string{"check -p " + pidfile + " " + daemon, "explain -p " + pidfile + " " + daemon, "status " + idle, "list", "list --json",
			"pidof " + daemon, "pidofproc -p " + pidfile + " " + daemon, "start-stop-daemon --stop --test --exec " + daemon}
		tried := rounds.Of(1, 10) * len(questions)
		for i := range tried {
			args := append([]string{"--timeout", "500ms"}, strings.Fields(questions[i%len(questions)])...)
			r, w := fullPipe(t)
			command := exec.Command("/srv/bin/ask", append([]string{hang, pidproof}, args...)...)
			command.Stdout = w
			said, from, err := os.Pipe()
			must(t, err)
			command.ExtraFiles = []*os.File{from}
			must(t, command.Start())
			from.Close()
			w.Close()
			a := answer{args: args}
			_, err = fmt.Fscanf(said, "%s %d\n", &a.exit, &a.peak)
			must(t, err)
			said.Close()
			r.Close()
			_ = command.Wait()
			want := []string{"4"}
			switch args[2] { // whose exit status is the answer, and what they say is not
			case "check", "status", "start-stop-daemon":
				want = []string{"0", "3"}
			}
			a.fits(t, "nobody reads the answer", want...)
		}
		rounds.Held(t, tried)
	})
}

// fullPipe takes nothing more.
func fullPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	var ends [2]int
	must(t, unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK))
	for {
		if _, err := unix.Write(ends[1], make([]byte, 4096)); err != nil {
			break
		}
	}
	must(t, unix.SetNonblock(ends[1], false))
	return os.NewFile(uintptr(ends[0]), "reader"), os.NewFile(uintptr(ends[1]), "writer")
}

// Sixty-four thousand empty arguments are 64 KB for the kernel, and more for whoever keeps each as a string.
func TestManyEmptyArguments(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		copyFile(t, stranger, users+"/idlex")
		for range rounds.Of(40, 150) {
			command := asUser(users+"/idlex", append(make([]string, 64_000), "x")...)
			command.Args[0] = idle
			start(t, command)
		}
		tried := 0
		for range rounds.Of(1, 50) {
			tried += h.isQuiet(t, "beside many empty arguments")
		}
		rounds.Held(t, tried)
	})
}

// Nor is each of one user's silent processes waited for.
func TestManySilent(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		startSilent(t, "idle", rounds.Of(120, 500))
		tried := 0
		for range rounds.Of(1, 10) {
			tried += h.isQuiet(t, "beside many whose arguments never come")
		}
		rounds.Held(t, tried)
	})
}

// Nor is one of each of his subordinate user IDs (newuidmap).
func TestManySilentSubordinates(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		startSilentOf(t, "idle", rounds.Of(120, 500), subordinate)
		tried := 0
		for range rounds.Of(1, 10) {
			tried += h.isQuiet(t, "beside many whose arguments never come, each of another user ID")
		}
		rounds.Held(t, tried)
	})
}

// What is kept of each of thousands that run the daemon's own file adds up (5,000 of one
// user's took `list` 42 MiB, and `explain` 55).
func TestManyOfItsOwn(t *testing.T) {
	onHost(t, func(t *testing.T) {
		total := rounds.Of(3_500, 5_000)
		command := asUser(idle, "-w", strconv.Itoa(total))
		crowd(t, command, total)
		const patient = "--timeout=5m" // it is memory that is measured
		questions := []question{
			{args: []string{"list", patient, idle}, exit: "0"},
			{args: []string{"explain", patient, "-p", noPidfile, idle}, exit: "150"},
		}
		if rounds.Long() {
			questions = append(questions,
				question{args: []string{"list", patient, "--json", idle}, exit: "0"},
				question{args: []string{"explain", patient, "--json", "-p", noPidfile, idle}, exit: "150"},
				question{args: []string{"check", patient, "-p", noPidfile, idle}, exit: "150"},
				question{args: []string{"status", patient, idle}, exit: "0"},
				question{args: []string{"pidof", idle}, exit: "0"})
		}
		for _, q := range questions {
			ask(t, q.args...).fits(t, fmt.Sprintf("beside %d that run the daemon's file", total), q.exit)
		}
		rounds.Held(t, len(questions))
	})
}

// The arguments of each that runs the daemon's file were kept whole, where several daemons are asked about.
func TestLongArguments(t *testing.T) {
	onHost(t, func(t *testing.T) {
		newQuietHost(t)
		total := rounds.Of(1_000, 3_000)
		command := exec.Command(idle, "-w", strconv.Itoa(total))
		for range 60 {
			command.Args = append(command.Args, strings.Repeat("x", 1_000))
		}
		command.SysProcAttr = as(nobody)
		crowd(t, command, total)
		tried := 0
		for range rounds.Of(1, 20) {
			for _, args := range [][]string{{"list", idle, daemon}, {"list", "--json", idle, daemon}} {
				ask(t, append(args, "--timeout=5m")...).fits(t, "beside long arguments", "0")
				tried++
			}
		}
		rounds.Held(t, tried)
	})
}
