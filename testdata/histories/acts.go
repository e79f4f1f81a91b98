package histories

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// killproc: pidfile A, how B.
func (w *world) killproc(s Step) error {
	f := w.instances()[s.A%len(w.instances())]
	return w.killprocOf(f, []string{"", "HUP", "--workers"}[s.B%3])
}

// killprocOf has killproc signal an instance, and looks who has ended: the main
// process that the pidfile proves, its workers as far as it tells them, nobody else.
func (w *world) killprocOf(f *pidfile, how string) error {
	if err := w.tellable(); err != nil {
		return err
	}
	main, v := w.living[f.pid], w.verdict(f, f.daemon)
	if f.state != names {
		main = nil
	}
	if how == "--workers" && main != nil && (main.outlived || v&running != 0 && v != running) {
		how = "" // it would wait 5 s for those that go on
	}
	args := []string{"killproc", "-p", f.path, f.daemon}
	switch how {
	case "HUP":
		args = append(args, how)
	case "--workers":
		args = slices.Insert(args, 1, how)
	}
	w.tell("%s", strings.Join(args, " "))
	code, out, complaints, err := w.lab.ask(args...)
	if err != nil {
		return err
	}
	if how == "HUP" && v&running != 0 && code == 0 { // that says "sent", and nobody has waited
		if err := pollUntil("the signal has ended it", func() bool { return !lives(main.pid) }); err != nil {
			return w.wrong(strings.Join(args, " "), "it is signalled", code, out, complaints)
		}
	}
	if v&running != 0 && !lives(main.pid) && code == 0 {
		return w.afterStop(f, main, how)
	}
	want := []int{}
	if v&(stale|missing) != 0 {
		want = append(want, map[bool]int{false: 0, true: 3}[how == "HUP"])
	}
	if v&unknown != 0 {
		want = append(want, 4)
	}
	if !slices.Contains(want, code) || v == running {
		return w.wrong(strings.Join(args, " "), fmt.Sprintf("it is %v: exit %v, and nobody signalled; or 0, where it runs, and its end", v, want), code, out, complaints)
	}
	return w.unharmed()
}

// afterStop takes note of those that had to end.
func (w *world) afterStop(f *pidfile, main *process, how string) error {
	signal := unix.SIGTERM
	if how == "HUP" {
		signal = unix.SIGHUP
	}
	if err := w.ended(main.endsWith(signal)); err != nil {
		return err
	}
	if err := f.reread(f.writer); err != nil {
		return err
	}
	if (f.state == absent) != (how != "HUP") {
		return wrong{"killproc " + how, "the pidfile is removed after the end alone", fmt.Sprintf("%s is there: %v", f, f.state != absent)}
	}
	return w.unharmed()
}

// restart is what an init script does: stop by the pidfile, and start again.
func (w *world) restart(s Step) error {
	f := w.instances()[s.A%len(w.instances())]
	if err := w.killprocOf(f, ""); err != nil {
		return err
	}
	return w.startBy(w.tree[f.daemon], f, w.takes(), Step{C: s.B, D: s.C})
}

// adopt has adopt --yes mend pidfile A.
func (w *world) adopt(s Step) error {
	if err := w.tellable(); err != nil {
		return err
	}
	f := w.instances()[s.A%len(w.instances())]
	before, _ := os.Stat(f.path)
	v := w.verdict(f, f.daemon)
	may, sure := w.adoptable(f)
	w.tell("adopt --yes -p %s %s", f, f.daemon)
	code, out, complaints, err := w.lab.ask("adopt", "--yes", "-p", f.path, f.daemon)
	if err != nil {
		return err
	}
	after, _ := os.ReadFile(f.path)
	fails := func(want string) error {
		return w.wrong("adopt --yes -p "+f.path, want, code, out, complaints+fmt.Sprintf("; the pidfile: %q", after))
	}
	// It may have been written anew with the same number, which its process got meanwhile.
	now, _ := os.Stat(f.path)
	if before == nil && now == nil || before != nil && now != nil && os.SameFile(before, now) && before.ModTime().Equal(now.ModTime()) {
		switch {
		case sure:
			return fails(fmt.Sprintf("%v is adopted", may[0]))
		case code == 0 && v&running == 0, code != 0 && v == running:
			return fails(fmt.Sprintf("nothing is adopted; the pidfile is %v", v))
		case code != 0 && code != 1 && code != 4:
			return fails("exit 0, 1 or 4")
		}
		return w.unharmed()
	}
	at := slices.IndexFunc(may, func(p *process) bool { return string(after) == fmt.Sprintln(p.pid) })
	if at < 0 || code != 0 {
		return fails(fmt.Sprintf("none but %v may be adopted", may))
	}
	var st syscall.Stat_t
	if err := syscall.Stat(f.path, &st); err != nil {
		return err
	}
	if f.state != absent && int(st.Uid) != f.uid && may[at].uid == f.uid {
		return fails("its owner stays")
	}
	if err := f.reread(nil); err != nil {
		return err
	}
	return w.check(f, f.daemon)
}

// adoptable are the processes one of which may be written into a pidfile; sure: the
// first has to be.
func (w *world) adoptable(f *pidfile) (may []*process, sure bool) {
	v := w.verdict(f, f.daemon)
	if v&(stale|missing) == 0 || f.usersDir {
		return nil, false // he could put another in its place
	}
	sure = v&(running|unknown) == 0
	var mains, perhapsMains []*process
	for _, p := range w.processes() {
		is, c := w.relation(p, f.daemon), w.claimed(p, f.daemon, f)
		if is == stranger || c == yes {
			continue
		}
		sure = sure && is == runs && c == no // else it may be said that it cannot be told
		switch {
		case is != runs, w.parentRuns(p, f.daemon) != stranger:
		case p.uid != 0 && (f.state == absent || f.uid != p.uid):
			// A user's is not for another's pidfile, and stands in nobody's way.
		case c == no:
			mains = append(mains, p)
		default:
			perhapsMains = append(perhapsMains, p)
		}
	}
	for _, other := range w.of(f.daemon) {
		if other != f && w.registered && w.verdict(other, f.daemon) != running {
			sure = false // that may be the one that has lost it
		}
	}
	switch len(mains) {
	case 0:
		mains, sure = perhapsMains, false
	case 1:
	default:
		return nil, false
	}
	for _, p := range mains {
		// What started when the pidfile was written may be the daemon itself, which forked
		// twice, though it has the group of whom the pidfile names.
		leftover := f.state == names && p.group == f.pid
		if !leftover || p.pid == f.pid || p.started.Sub(f.written).Abs() <= 2*time.Second {
			may = append(may, p)
		}
		sure = sure && !leftover && p.pid != f.pid // that is late, and recycled: nothing tells that it is meant
	}
	return may, sure && len(may) == 1
}
