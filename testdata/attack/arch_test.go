package attack

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"pidproof/testdata/need"
	"pidproof/testdata/rounds"
)

// Other machines: words of 32 bits, and bytes in the other order. The daemon and its host are this machine's; pidproof is
// another's, under QEMU's user mode where this machine cannot execute it.

// buildFor adds pidproof for an architecture to the programs, before there is a host.
func buildFor(t *testing.T, arch string) (name string) {
	t.Helper()
	need.Root(t)
	name = "pidproof-" + arch
	if os.Getenv(insideEnv) != "" {
		return name
	}
	build := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-o", filepath.Join(programs, name), "pidproof/cmd/pidproof")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+arch)
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", build.Args, err, said)
	}
	return name
}

// Test32Bit is for the long runs only: it compiles all that pidproof is made of once more, and once again for where an
// amd64 kernel was told not to execute such programs (ia32_emulation=0, kernel-parameters.txt). QEMU's 386 has no threads
// as Go makes them (modify_ldt(2)); its arm has, and words of 32 bits.
func Test32Bit(t *testing.T) {
	if !rounds.Long() {
		return
	}
	name := buildFor(t, "386")
	need.Program(t, "qemu-arm")
	buildFor(t, "arm")
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		refused := errors.Is(exec.Command("/srv/bin/"+name, "--version").Run(), syscall.ENOEXEC)
		tried := 0
		for range rounds.Of(1, 50) {
			if refused {
				tried += h.asksEmulated(t, "arm", need.Program(t, "qemu-arm"))
			} else {
				tried += h.asksUnder(t, "on 386", "/srv/bin/"+name)
			}
			if t.Failed() {
				return
			}
		}
		rounds.Held(t, tried)
	})
}

// TestUnderQEMU is for the long runs only: QEMU is large. What it takes of memory is QEMU's.
func TestUnderQEMU(t *testing.T) {
	if !rounds.Long() {
		return
	}
	for arch, emulator := range map[string]string{"arm64": "qemu-aarch64", "s390x": "qemu-s390x"} {
		need.Program(t, emulator)
		buildFor(t, arch)
	}
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		tried := 0
		for range rounds.Of(1, 20) {
			for arch, emulator := range map[string]string{"arm64": "qemu-aarch64", "s390x": "qemu-s390x"} {
				tried += h.asksEmulated(t, arch, need.Program(t, emulator))
			}
		}
		rounds.Held(t, tried)
	})
}

func (h quietHost) asksEmulated(t *testing.T, arch, emulator string) (asked int) {
	t.Helper()
	program := "/srv/bin/pidproof-" + arch
	ask := func(q question) {
		a := run(t, append([]string{emulator, program}, q.args...)...)
		if a.exit != q.exit || q.out != "" && a.out != q.out {
			t.Errorf("on %s: want exit %s, %q: %s", arch, q.exit, q.out, a)
		}
	}
	for _, q := range h.questions() {
		ask(q)
	}
	// A replaced file: QEMU does not pass on through which mount it was reached.
	const replaced, pidfile = "/srv/sbin/second", "/run/second.pid"
	copyFile(t, daemon, replaced)
	second := startDaemon(t, replaced, pidfile, "-w", "1")
	worker := children(t, second.pid())[0]
	must(t, replace(replaced))
	ask(question{[]string{"check", "-p", pidfile, replaced}, "0", ""})
	ask(question{[]string{"killproc", "--workers", "-p", pidfile, replaced}, "0", ""})
	if runs(second.pid()) || runs(worker) {
		t.Errorf("on %s: it still runs", arch)
	}
	second.end()
	// A daemon of the same machine is what the kernel runs the emulator for.
	const itsPidfile = "/run/emulated.pid"
	emulated := process{Cmd: exec.Command(emulator, program, "wait", "started", "-t", "600", "-p", "/run/never.pid", daemon)}
	must(t, emulated.Start())
	defer emulated.end()
	must(t, os.WriteFile(itsPidfile, []byte(strconv.Itoa(emulated.pid())+"\n"), 0o644))
	about := []question{
		{[]string{"check", "-p", itsPidfile, program}, "0", ""},
		{[]string{"check", "-p", itsPidfile, idle}, "1", ""},
		{[]string{"pidof", program}, "0", ""},
		{[]string{"killproc", "-p", itsPidfile, program}, "0", ""},
	}
	for _, q := range about {
		ask(q)
	}
	if runs(emulated.pid()) {
		t.Errorf("on %s: the emulated daemon still runs", arch)
	}
	return len(h.questions()) + 2 + len(about)
}
