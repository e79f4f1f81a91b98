//go:build healing

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

	"pidproof/testdata/waiting"
)

// state is what a script meets.
type state string

const (
	stoppedState  state = "stopped"
	runningState  state = "running"
	replacedState state = "running, its file replaced"
	deadState     state = "stopped, the pidfile names nobody"
	staleState    state = "stopped, the pidfile names an innocent"
	besideState   state = "stopped, beside another instance"
	bothState     state = "running, beside another instance"
)

func (s state) runs() bool { return s == runningState || s == replacedState || s == bothState }

// healStep is one call of a script, and what came of it.
type healStep struct {
	state  state
	action string
	code   int
	said   string
	mains  int    // main processes after it
	same   bool   // among them is the one of before
	signal string // what the main process of before was sent meanwhile
	slept  int    // seconds
	wrong  string // what is wrong, in words
	hit    string // what was done to an innocent process
}

// result is what has to be the same on both sides.
func (s healStep) result() string {
	code := min(s.code, 1) // which of kill's codes, no script cares
	if s.action == "status" {
		code = s.code
	}
	return fmt.Sprintf("exit %d, %d main processes, same %v, signals %q", code, s.mains, s.same, s.signal)
}

// healing is a service while its steps are taken.
type healing struct {
	patched
	h      *Host
	side   bool // patched
	steps  []healStep
	second int    // PID of the other instance
	owner  string // of the pidfile, as stat %u:%g has it
	mode   string
}

var usage = regexp.MustCompile(`\{ *([a-z][a-z-]*(?: *\| *[a-z-]+)+) *\}`)

// take calls every action of the script in every state.
func (p patched) take(t *testing.T, h *Host, side, whole bool) []healStep {
	run := &healing{patched: p, h: h, side: side}
	text := h.Must(t, "cat "+p.script())
	known := append(regexp.MustCompile(`[a-z-]+`).FindAllString(first(usage.FindStringSubmatch(text)), -1), strings.Fields(p.actions)...)
	known = slices.DeleteFunc(known, func(action string) bool {
		return slices.Contains([]string{"start", "stop", "restart", "status"}, action)
	})
	actions := []string{"start"}
	if regexp.MustCompile(`(?m)\bstatus\b.*\)`).MatchString(text) {
		actions = append(actions, "status")
	}
	actions = append(actions, known...)
	actions = append(actions, "restart", "stop")
	states := []state{runningState, replacedState, stoppedState, deadState}
	if whole || side { // stock scripts wait for the innocent, for half a minute some of them
		states = append(states, staleState)
	}
	if p.second != "" && whole {
		states = append(states, besideState, bothState)
	}
	for _, s := range states {
		if (s == besideState || s == bothState) && run.second == 0 {
			run.startSecond(t)
		}
		for _, action := range actions {
			run.step(t, s, action)
		}
	}
	run.clear(t)
	if run.second != 0 {
		run.endSecond(t)
	}
	return run.steps
}

func first(groups []string) string {
	if len(groups) < 2 {
		return ""
	}
	return groups[1]
}

// step brings the state about, calls the script, and judges.
func (r *healing) step(t *testing.T, s state, action string) {
	t.Helper()
	innocent := r.bring(t, s)
	before := 0
	if s.runs() {
		before = r.mains(t)[0]
	}
	one := healStep{state: s, action: action}
	traced := func() string { return "" }
	if s.runs() && !slices.Contains([]string{"start", "status", "restart", "stop"}, action) {
		traced = r.trace(t, before)
	}
	r.h.Must(t, "rm -f /run/heal/"+r.name)
	began := time.Now()
	result := r.h.Run(t, "env", "HEAL="+r.name, r.script(), action)
	one.code, one.said = result.Code, result.Stdout+result.Stderr
	for line := range strings.Lines(r.h.Must(t, "cat /run/heal/"+r.name+" 2>/dev/null || :")) {
		one.slept += max(1, number(strings.TrimSuffix(strings.TrimSpace(line), "s")))
	}
	one.settle(r, t, before)
	one.signal = traced()
	if innocent != 0 {
		one.hit = r.done(t, innocent)
		if named := r.ofState(deadState, action); one.hit == "" && one.slept > named.slept && !one.started() {
			one.hit = fmt.Sprintf("waits for the innocent: %d s, and %d s where the number is nobody's", one.slept, named.slept)
		}
		if action == "status" && one.code == 0 && r.ofState(stoppedState, action).code != 0 {
			one.hit = "calls the innocent the daemon"
		}
	}
	if one.wrong == "" && one.hit != "" {
		one.wrong = one.hit
	}
	if r.second != 0 {
		what := "ends the other instance"
		if slices.Contains(r.everything(t), r.second) {
			what = r.pending(t, r.second)
		}
		if what != "" {
			one.hit, one.wrong = "the other instance: "+what, "the other instance: "+what
			r.endSecond(t)
			r.startSecond(t)
		}
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Logf("%s %s, %s: %v", r.name, action, s, took)
	}
	r.steps = append(r.steps, one)
}

func (one healStep) started() bool { return one.mains > 0 }

func (r *healing) ofState(s state, action string) healStep {
	for _, one := range r.steps {
		if one.state == s && one.action == action {
			return one
		}
	}
	return healStep{}
}

// settle waits until what is right has come about: daemons begin and end some time after the script has returned. A
// stock script that is wrong is given up soon: to call it wrong too early does no harm.
func (one *healStep) settle(r *healing, t *testing.T, before int) {
	t.Helper()
	right := func() bool {
		mains := r.mains(t)
		one.mains, one.same = len(mains), slices.Contains(mains, before)
		one.wrong = one.judge(r, t, mains)
		return one.wrong == ""
	}
	if end := time.Now().Add(3 * time.Second); !r.side || one.action == "status" || r.excused(one.action) {
		for !right() && time.Now().Before(end) {
			time.Sleep(20 * time.Millisecond)
		}
		return
	}
	for end := time.Now().Add(patientLimit); !right() && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
}

// patientLimit is how long a patched script's daemon may take beyond its script.
const patientLimit = waiting.Limit / 20

// excused: what is wrong then is not the patch's.
func (r *healing) excused(action string) bool {
	return slices.Contains(strings.Fields(r.itself+" "+r.leaves), action)
}

// judge says what is wrong, "" for nothing.
func (one healStep) judge(r *healing, t *testing.T, mains []int) string {
	t.Helper()
	var pid int
	if len(mains) == 1 {
		pid = mains[0]
	}
	want := one.state.runs()
	switch one.action {
	case "status":
		if (one.code == 0) != one.state.runs() {
			return fmt.Sprintf("says %d", one.code)
		}
	case "start":
		want = true
		if one.state.runs() && !one.same {
			return "has started another, or ended it"
		}
	case "stop", "force-stop":
		want = false
	case "restart":
		want = true
		if one.same {
			return "has not restarted it"
		}
	default:
		switch sound := r.ofState(runningState, one.action); {
		case one.state == runningState:
			want = pid != 0 || strings.Contains(one.action, "re") // reload, force-reload, cond-restart
		case one.state.runs():
			want = sound.mains > 0
		case one.state == staleState || one.state == deadState: // as where no pidfile is
			want = r.ofState(stoppedState, one.action).mains > 0
		default:
			want = len(mains) > 0 // it is the script's choice whether it starts then
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
func (r *healing) bring(t *testing.T, s state) (innocent int) {
	t.Helper()
	if s.runs() {
		mains := r.mains(t)
		if len(mains) != 1 || r.named(t) != mains[0] || r.isReplaced(t, mains[0]) && s != replacedState {
			r.clear(t)
			r.start(t)
		}
		if s == replacedState && !r.isReplaced(t, r.mains(t)[0]) {
			file := r.file
			if file == "" {
				file = r.daemon
			}
			r.h.Must(t, fmt.Sprintf("cp -p %[1]s %[1]s.dpkg-new && mv %[1]s.dpkg-new %[1]s", file))
		}
		return 0
	}
	r.clear(t)
	switch s {
	case deadState:
		r.write(t, "$(sh -c 'echo $$')")
	case staleState:
		user, group, _ := strings.Cut(r.owner, ":")
		innocent = number(r.h.Must(t, fmt.Sprintf(
			"setpriv --reuid=%s --regid=%s --clear-groups env --block-signal setsid /usr/local/bin/innocent 3600 </dev/null >/dev/null 2>&1 & echo $!", user, group)))
		eventually(t, "the innocent sleeps", func() bool { return strings.HasPrefix(r.exe(innocent), "/usr/local/bin/innocent") })
		r.write(t, strconv.Itoa(innocent))
	}
	return innocent
}

// write gives the pidfile the owner and mode that it has while the daemon runs. It was written before the process began
// that has the number now, or nobody's number could have become another's.
func (r *healing) write(t *testing.T, number string) {
	t.Helper()
	r.h.Must(t, fmt.Sprintf("mkdir -p %s && echo %s >%s && chown %s %[3]s && chmod %[5]s %[3]s && touch -d '1 hour ago' %[3]s", filepath.Dir(r.pidfile), number, r.pidfile, r.owner, r.mode))
}

// start has the script start the daemon.
func (r *healing) start(t *testing.T) {
	t.Helper()
	result := r.h.Run(t, r.script(), "start")
	running := func() bool {
		mains := r.mains(t)
		return len(mains) == 1 && r.named(t) == mains[0]
	}
	for end := time.Now().Add(patientLimit); !running(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s start: %+v; %v run, and the pidfile names %d", r.script(), result, r.mains(t), r.named(t))
		}
	}
	r.owner, r.mode, _ = strings.Cut(strings.TrimSpace(r.h.Must(t, "stat -c '%u:%g %a' "+r.pidfile)), " ")
}

// clear ends the daemon and its workers, and removes the pidfile.
func (r *healing) clear(t *testing.T) {
	t.Helper()
	var pids []string
	for _, pid := range r.everything(t) {
		if pid != r.second && r.parent(pid) != r.second {
			pids = append(pids, strconv.Itoa(pid))
		}
	}
	r.h.Must(t, "rm -f "+r.pidfile+"; kill -KILL "+strings.Join(pids, " ")+" 2>/dev/null; :")
	eventually(t, r.name+" is gone", func() bool { return len(r.mains(t)) == 0 })
}

// startSecond starts the other instance. It blocks what signals it can: those it is sent stay to be seen.
func (r *healing) startSecond(t *testing.T) {
	t.Helper()
	r.clear(t)
	r.h.Must(t, r.patched.second)
	eventually(t, "the other instance of "+r.name+" runs", func() bool {
		mains := r.mains(t)
		if len(mains) == 1 {
			r.second = mains[0]
		}
		return r.second != 0
	})
}

func (r *healing) endSecond(t *testing.T) {
	t.Helper()
	r.h.Must(t, fmt.Sprintf("kill -KILL %d 2>/dev/null; rm -f /run/*other*pid", r.second))
	eventually(t, "the other instance has ended", func() bool { return !slices.Contains(r.everything(t), r.second) })
	r.second = 0
}

// trace has strace write down which signals a process is sent.
func (r *healing) trace(t *testing.T, pid int) func() string {
	t.Helper()
	file := "/run/heal/" + r.name + ".signals"
	r.h.Must(t, fmt.Sprintf(": >%[1]s; strace -q -e trace=none -e signal=all -o %[1]s -p %[2]d </dev/null >/dev/null 2>&1 & echo $! >%[1]s.pid", file, pid))
	eventually(t, "strace looks at "+strconv.Itoa(pid), func() bool { return !strings.Contains(r.status(pid), "TracerPid:\t0\n") })
	return func() string {
		// Pending signals are delivered in the order of their numbers: once this one is seen, all of before are.
		r.h.Must(t, fmt.Sprintf("kill -URG %d 2>/dev/null; :", pid))
		eventually(t, "strace has seen all", func() bool {
			content, err := os.ReadFile(r.h.path("root" + file))
			return err == nil && (strings.Contains(string(content), "--- SIGURG ") || !strings.Contains(r.status(pid), "State:") || strings.Contains(r.status(pid), "State:\tZ"))
		})
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
func (r *healing) done(t *testing.T, pid int) string {
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
func (r *healing) pending(t *testing.T, pid int) (names string) {
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

func (r *healing) proc(pid int, name string) string {
	return r.h.path(fmt.Sprintf("root/proc/%d/%s", pid, name))
}

func (r *healing) exe(pid int) string {
	link, _ := os.Readlink(r.proc(pid, "exe")) // it has ended
	return link
}

func (r *healing) isReplaced(t *testing.T, pid int) bool {
	t.Helper()
	if r.file == "" {
		return strings.HasSuffix(r.exe(pid), " (deleted)")
	}
	st, err := os.Stat(r.h.path("root" + r.file))
	if err != nil {
		t.Fatal(err)
	}
	process, err := os.Stat(r.proc(pid, ""))
	return err == nil && st.Sys().(*syscall.Stat_t).Ctim.Nano() > process.ModTime().UnixNano()
}

func (r *healing) status(pid int) string {
	content, _ := os.ReadFile(r.proc(pid, "status")) // it has ended
	return string(content)
}

func (r *healing) parent(pid int) int {
	_, after, _ := strings.Cut(r.status(pid), "PPid:\t")
	line, _, _ := strings.Cut(after, "\n")
	return number(line)
}

// everything lists the processes that run the daemon.
func (r *healing) everything(t *testing.T) (pids []int) {
	t.Helper()
	entries, err := os.ReadDir(r.h.path("root/proc"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		pid := number(e.Name())
		if pid == 0 || strings.TrimSuffix(r.exe(pid), " (deleted)") != r.daemon {
			continue
		}
		if r.args != "" {
			line, _ := os.ReadFile(r.proc(pid, "cmdline"))
			if !strings.Contains(string(line), r.args) {
				continue
			}
		}
		pids = append(pids, pid)
	}
	return pids
}

// mains lists those whose parent is none of them, without the other instance.
func (r *healing) mains(t *testing.T) []int {
	t.Helper()
	all := r.everything(t)
	return slices.DeleteFunc(slices.Clone(all), func(pid int) bool {
		return pid == r.second || slices.Contains(all, r.parent(pid)) || r.exe(pid) == ""
	})
}

// named is the number in the pidfile, 0 for none.
func (r *healing) named(t *testing.T) int {
	t.Helper()
	content, err := os.ReadFile(r.h.path("root" + r.pidfile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	words := strings.Fields(string(content))
	if len(words) == 0 {
		return 0
	}
	return number(words[0])
}
