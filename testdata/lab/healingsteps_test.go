package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pidproof/testdata/healing"
	"pidproof/testdata/waiting"
)

// tried is a service while its steps are taken.
type tried struct {
	healing.Service
	h       *Host
	patched bool
	stock   []healing.Step // of the script that is not patched, once they were taken
	steps   []healing.Step
	second  int    // PID of the other instance
	owner   string // of the pidfile, as stat %u:%g has it
	mode    string
}

var usageLine = regexp.MustCompile(`\{ *([a-z][a-z-]*(?: *\| *[a-z-]+)+) *\}`)

// take calls every action of the script in every state.
func (r *tried) take(t *testing.T, whole bool) []healing.Step {
	actions := r.actions(t)
	states := []healing.State{healing.Running, healing.Replaced, healing.Stopped, healing.Dead}
	if whole || r.patched { // stock scripts wait for the innocent, for half a minute some of them
		states = append(states, healing.Stale)
	}
	if r.Second != "" && whole {
		states = append(states, healing.Beside, healing.Both)
	}
	for _, s := range states {
		if (s == healing.Beside || s == healing.Both) && r.second == 0 {
			r.startSecond(t)
		}
		for _, action := range actions {
			r.step(t, s, action)
		}
	}
	r.clear(t)
	if r.second != 0 {
		r.endSecond(t)
	}
	return r.steps
}

// actions are those of the script's usage line.
func (r *tried) actions(t *testing.T) []string {
	t.Helper()
	text := r.h.Must(t, "cat "+r.Script())
	known := strings.Fields(r.Actions)
	if line := usageLine.FindStringSubmatch(text); line != nil {
		known = append(regexp.MustCompile(`[a-z-]+`).FindAllString(line[1], -1), known...)
	}
	seen := []string{"start", "stop", "restart", "status"}
	known = slices.DeleteFunc(known, func(action string) bool {
		again := slices.Contains(seen, action)
		seen = append(seen, action)
		return again
	})
	actions := []string{"start"}
	if regexp.MustCompile(`(?m)\bstatus\b.*\)`).MatchString(text) {
		actions = append(actions, "status")
	}
	return append(append(actions, known...), "restart", "stop")
}

// step brings the state about, calls the script, and judges.
func (r *tried) step(t *testing.T, s healing.State, action string) {
	t.Helper()
	innocent := r.bring(t, s)
	before := 0
	if s.Runs() {
		before = r.mains(t)[0]
	}
	one := healing.Step{State: s, Action: action}
	traced := func() string { return "" }
	if s.Runs() && !slices.Contains([]string{"start", "status", "restart", "stop"}, action) {
		traced = r.trace(t, before)
	}
	r.h.Must(t, "rm -f /run/heal/"+r.Name)
	began := time.Now()
	result := r.h.Run(t, "env", "HEAL="+r.Name, r.Script(), action)
	one.Code, one.Said = result.Code, result.Stdout+result.Stderr
	for line := range strings.Lines(r.h.Must(t, "cat /run/heal/"+r.Name+" 2>/dev/null || :")) {
		one.Slept += max(1, number(strings.TrimSuffix(strings.TrimSpace(line), "s")))
	}
	r.settle(t, &one, before)
	one.Signals = traced()
	if innocent != 0 {
		one.Hit = r.done(t, innocent)
		if named := r.ofState(healing.Dead, action); one.Hit == "" && one.Slept > named.Slept && one.Mains == 0 {
			one.Hit = fmt.Sprintf("waits for the innocent: %d s, and %d s where the number is nobody's", one.Slept, named.Slept)
		}
		if action == "status" && one.Code == 0 && r.ofState(healing.Stopped, action).Code != 0 {
			one.Hit = "calls the innocent the daemon"
		}
	}
	if one.Hit != "" {
		one.Wrong = one.Hit
	}
	if hit := r.second != 0 && r.hitSecond(t); hit {
		one.Hit, one.Wrong = "hits the other instance", "hits the other instance"
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Logf("%s %s, %s: %v", r.Name, action, s, took)
	}
	r.steps = append(r.steps, one)
}

// hitSecond: the other instance was ended or signalled. Then there is a new one.
func (r *tried) hitSecond(t *testing.T) bool {
	t.Helper()
	if slices.Contains(r.everything(t), r.second) && r.pending(t, r.second) == "" {
		return false
	}
	r.endSecond(t)
	r.startSecond(t)
	return true
}

func (r *tried) ofState(s healing.State, action string) healing.Step {
	return stepOf(r.steps, s, action)
}

func stepOf(steps []healing.Step, s healing.State, action string) healing.Step {
	for _, one := range steps {
		if one.State == s && one.Action == action {
			return one
		}
	}
	return healing.Step{}
}

// settle waits until what is right has come about: daemons begin and end some time after the script has returned. A
// stock script that is wrong is given up soon: to call it wrong too early does no harm.
func (r *tried) settle(t *testing.T, one *healing.Step, before int) {
	t.Helper()
	right := func() bool {
		mains := r.mains(t)
		one.Mains, one.Same = len(mains), slices.Contains(mains, before)
		one.Wrong = r.judge(t, *one, mains)
		return one.Wrong == ""
	}
	if !r.patched && !one.State.Runs() && !slices.Contains([]string{"status", "stop", "force-stop"}, one.Action) {
		// Whether it starts is the script's choice, and a daemon in the background takes its time.
		for end := time.Now().Add(10 * time.Second); len(r.mains(t)) == 0 && time.Now().Before(end); {
			time.Sleep(20 * time.Millisecond)
		}
	}
	if end := time.Now().Add(3 * time.Second); !r.patched || one.Action == "status" || r.Excuses(one.Action) {
		for !right() && time.Now().Before(end) {
			time.Sleep(20 * time.Millisecond)
		}
		return
	}
	for end := time.Now().Add(patientLimit); !right() && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
}

// notImplemented is an exit status of the LSB's for init scripts.
const notImplemented = 3

// patientLimit is how long a patched script's daemon may take beyond its script.
const patientLimit = waiting.Limit / 20

// judge says what is wrong, "" for nothing.
func (r *tried) judge(t *testing.T, one healing.Step, mains []int) string {
	t.Helper()
	var pid int
	if len(mains) == 1 {
		pid = mains[0]
	}
	want := one.State.Runs()
	switch one.Action {
	case "status":
		if (one.Code == 0) != one.State.Runs() {
			return fmt.Sprintf("says %d", one.Code)
		}
	case "start":
		want = true
		if one.State.Runs() && !one.Same {
			return "has started another, or ended it"
		}
	case "stop", "force-stop":
		want = false
		if plain := r.ofState(healing.Stopped, one.Action); plain.Action != "" && !one.State.Runs() && (one.Code == 0) != (plain.Code == 0) {
			return fmt.Sprintf("says %d, and %d where no pidfile is", one.Code, plain.Code)
		}
	case "restart":
		want = true
		if one.Same {
			return "has not restarted it"
		}
	default:
		if one.State.Runs() && one.Code != 0 && one.Code != notImplemented {
			return fmt.Sprintf("fails with %d", one.Code)
		}
		if plain := r.ofState(healing.Stopped, one.Action); !one.State.Runs() && one.State != healing.Stopped && (one.Code == 0) != (plain.Code == 0) {
			return fmt.Sprintf("says %d, and %d where no pidfile is", one.Code, plain.Code)
		}
		switch sound := r.ofState(healing.Running, one.Action); {
		case one.State == healing.Running:
			want = pid != 0 || strings.Contains(one.Action, "re") // reload, force-reload, cond-restart
		case one.State.Runs():
			want = sound.Mains > 0
		case one.State == healing.Stale || one.State == healing.Dead: // as where no pidfile is
			want = r.ofState(healing.Stopped, one.Action).Mains > 0
		default: // it is the script's choice whether it starts then
			want = len(mains) > 0
			if r.patched {
				want = stepOf(r.stock, one.State, one.Action).Mains > 0
			}
		}
	}
	switch {
	case len(mains) > 1:
		return fmt.Sprintf("leaves %d main processes", len(mains))
	case want && pid == 0:
		return "leaves it stopped"
	case want && r.named(t) != pid:
		return fmt.Sprintf("leaves a pidfile that names %d, not %d", r.named(t), pid)
	case !want && pid != 0:
		return "leaves it running"
	}
	return ""
}

// bring brings a state about, and returns the innocent process of it.
func (r *tried) bring(t *testing.T, s healing.State) (innocent int) {
	t.Helper()
	if s.Runs() {
		mains := r.mains(t)
		if len(mains) != 1 || r.named(t) != mains[0] || r.isReplaced(t, mains[0]) && s != healing.Replaced {
			r.clear(t)
			r.start(t)
		}
		if s == healing.Replaced && !r.isReplaced(t, r.mains(t)[0]) {
			file := r.File
			if file == "" {
				file = r.Daemon
			}
			r.h.Must(t, fmt.Sprintf("cp -p %[1]s %[1]s.dpkg-new && mv %[1]s.dpkg-new %[1]s", file))
		}
		r.idle(t)
		return 0
	}
	r.clear(t)
	switch s {
	case healing.Dead:
		r.write(t, "$(sh -c 'echo $$')")
	case healing.Stale:
		user, group, _ := strings.Cut(r.owner, ":")
		innocent = number(r.h.Must(t, fmt.Sprintf(
			"setpriv --reuid=%s --regid=%s --clear-groups env --block-signal setsid /usr/local/bin/innocent 3600 </dev/null >/dev/null 2>&1 & echo $!", user, group)))
		eventually(t, "the innocent sleeps", func() bool { return strings.HasPrefix(r.exe(innocent), "/usr/local/bin/innocent") })
		r.write(t, strconv.Itoa(innocent))
	}
	return innocent
}

// idle waits until the daemon does nothing. A signal that tincd gets while it logs something has it hang for ever: its
// handler logs, too.
func (r *tried) idle(t *testing.T) {
	t.Helper()
	const often = 5 // the same, one after the other
	same, before := 0, ""
	for end := time.Now().Add(patientLimit / 3); same < often && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		mains := r.mains(t)
		if len(mains) == 0 {
			return
		}
		_, now, _ := strings.Cut(r.status(mains[0]), "voluntary_ctxt_switches")
		if same++; now != before {
			same, before = 0, now
		}
	}
}

// write gives the pidfile the owner and mode that it has while the daemon runs. It was written before the process began
// that has the number now, or nobody's number could have become another's.
func (r *tried) write(t *testing.T, number string) {
	t.Helper()
	r.h.Must(t, fmt.Sprintf("mkdir -p %s && echo %s >%s && chown %s %[3]s && chmod %[5]s %[3]s && touch -d '1 hour ago' %[3]s", filepath.Dir(r.Pidfile), number, r.Pidfile, r.owner, r.mode))
}

// start has the script start the daemon.
func (r *tried) start(t *testing.T) {
	t.Helper()
	result := r.h.Run(t, r.Script(), "start")
	running := func() bool {
		mains := r.mains(t)
		return len(mains) == 1 && r.named(t) == mains[0]
	}
	for end := time.Now().Add(patientLimit); !running(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s start: %+v; %v run, and the pidfile names %d", r.Script(), result, r.mains(t), r.named(t))
		}
	}
	r.owner, r.mode, _ = strings.Cut(strings.TrimSpace(r.h.Must(t, "stat -c '%u:%g %a' "+r.Pidfile)), " ")
}

// clear ends the daemon and its workers, and removes the pidfile.
func (r *tried) clear(t *testing.T) {
	t.Helper()
	var pids []string
	for _, pid := range r.everything(t) {
		if pid != r.second && r.parent(pid) != r.second {
			pids = append(pids, strconv.Itoa(pid))
		}
	}
	r.h.Must(t, "rm -f "+r.Pidfile+"; kill -KILL "+strings.Join(pids, " ")+" 2>/dev/null; :")
	eventually(t, r.Name+" is gone", func() bool { return len(r.mains(t)) == 0 })
}

// startSecond starts the other instance. It blocks what signals it can: those it is sent stay to be seen.
func (r *tried) startSecond(t *testing.T) {
	t.Helper()
	r.clear(t)
	r.h.Must(t, r.Service.Second)
	eventually(t, "the other instance of "+r.Name+" runs", func() bool {
		mains := r.mains(t)
		if len(mains) == 1 {
			r.second = mains[0]
		}
		return r.second != 0
	})
}

func (r *tried) endSecond(t *testing.T) {
	t.Helper()
	r.h.Must(t, fmt.Sprintf("kill -KILL %d 2>/dev/null; rm -f /run/*other*pid", r.second))
	eventually(t, "the other instance has ended", func() bool { return !slices.Contains(r.everything(t), r.second) })
	r.second = 0
}

// trace has strace write down which signals a process is sent.
func (r *tried) trace(t *testing.T, pid int) func() string {
	t.Helper()
	file := "/run/heal/" + r.Name + ".signals"
	r.h.Must(t, fmt.Sprintf(": >%[1]s; strace -q -e trace=none -e signal=all -o %[1]s -p %[2]d </dev/null >/dev/null 2>&1 & echo $! >%[1]s.pid", file, pid))
	eventually(t, "strace looks at "+strconv.Itoa(pid), func() bool { return !strings.Contains(r.status(pid), "TracerPid:\t0\n") })
	return func() string {
		// Pending signals are delivered in the order of their numbers: once this one is seen, all of before are.
		r.h.Must(t, fmt.Sprintf("kill -URG %d 2>/dev/null; :", pid))
		seen := func() bool {
			content, err := os.ReadFile(r.h.path("root" + file))
			return err == nil && (strings.Contains(string(content), "--- SIGURG ") || !strings.Contains(r.status(pid), "State:") || strings.Contains(r.status(pid), "State:\tZ"))
		}
		for end := time.Now().Add(patientLimit); !seen(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Logf("%s: %d hangs, and takes no signal", r.Name, pid)
				r.h.Must(t, fmt.Sprintf("kill -KILL %d", pid)) // the next step begins with another
				break
			}
		}
		r.h.Must(t, "tracer=$(cat "+file+".pid); kill $tracer 2>/dev/null; while [ -e /proc/$tracer ]; do /usr/bin/sleep.real 0.01; done")
		var names []string
		for _, sent := range regexp.MustCompile(`--- (SIG[A-Z0-9]+) \{[^}]*si_code=SI_USER`).FindAllStringSubmatch(r.h.Must(t, "cat "+file), -1) {
			if sent[1] != "SIGURG" {
				names = append(names, sent[1])
			}
		}
		slices.Sort(names)
		return strings.Join(slices.Compact(names), " ")
	}
}

// done is what was done to the innocent process, which then ends.
func (r *tried) done(t *testing.T, pid int) string {
	t.Helper()
	if status := r.status(pid); status == "" || strings.Contains(status, "State:\tZ") {
		return "kills the innocent"
	}
	what := r.pending(t, pid)
	r.h.Must(t, fmt.Sprintf("kill -KILL %d", pid))
	if what != "" {
		what = "signals the innocent:" + what
	}
	return what
}

// pending are the signals that a process was sent and does not take, because it blocks them: see ShdPnd in proc(5).
func (r *tried) pending(t *testing.T, pid int) (names string) {
	t.Helper()
	_, after, _ := strings.Cut(r.status(pid), "ShdPnd:\t")
	line, _, _ := strings.Cut(after, "\n")
	pending, err := strconv.ParseUint(line, 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	for signal := 1; signal <= 64; signal++ {
		if pending&(1<<(signal-1)) != 0 {
			names += fmt.Sprintf(" %v", syscall.Signal(signal))
		}
	}
	return names
}

// What follows is read from the host's /proc, which shows the host's numbers.

func (r *tried) proc(pid int, name string) string {
	return r.h.path(fmt.Sprintf("root/proc/%d/%s", pid, name))
}

func (r *tried) exe(pid int) string {
	link, _ := os.Readlink(r.proc(pid, "exe")) // it has ended
	return link
}

func (r *tried) isReplaced(t *testing.T, pid int) bool {
	t.Helper()
	if r.File == "" {
		return strings.HasSuffix(r.exe(pid), " (deleted)")
	}
	st, err := os.Stat(r.h.path("root" + r.File))
	if err != nil {
		t.Fatal(err)
	}
	process, err := os.Stat(r.proc(pid, ""))
	return err == nil && st.Sys().(*syscall.Stat_t).Ctim.Nano() > process.ModTime().UnixNano()
}

func (r *tried) status(pid int) string {
	content, _ := os.ReadFile(r.proc(pid, "status")) // it has ended
	return string(content)
}

func (r *tried) parent(pid int) int {
	_, after, _ := strings.Cut(r.status(pid), "PPid:\t")
	line, _, _ := strings.Cut(after, "\n")
	return number(line)
}

// everything lists the processes that run the daemon.
func (r *tried) everything(t *testing.T) (pids []int) {
	t.Helper()
	entries, err := os.ReadDir(r.h.path("root/proc"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		pid := number(e.Name())
		if pid == 0 || strings.TrimSuffix(r.exe(pid), " (deleted)") != r.Daemon {
			continue
		}
		if r.Args != "" {
			line, _ := os.ReadFile(r.proc(pid, "cmdline"))
			if !strings.Contains(string(line), r.Args) {
				continue
			}
		}
		pids = append(pids, pid)
	}
	return pids
}

// mains lists those whose parent is none of them, without the other instance.
func (r *tried) mains(t *testing.T) []int {
	t.Helper()
	all := r.everything(t)
	return slices.DeleteFunc(slices.Clone(all), func(pid int) bool {
		return pid == r.second || slices.Contains(all, r.parent(pid)) || r.exe(pid) == ""
	})
}

// named is the number in the pidfile, 0 for none.
func (r *tried) named(t *testing.T) int {
	t.Helper()
	content, err := os.ReadFile(r.h.path("root" + r.Pidfile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	words := strings.Fields(string(content))
	if len(words) == 0 {
		return 0
	}
	return number(words[0])
}
