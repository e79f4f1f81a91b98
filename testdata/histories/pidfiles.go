package histories

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// written chooses a pidfile that is there.
func (w *world) writtenPidfile(n int) *pidfile {
	var there []*pidfile
	for _, f := range w.instances() {
		if f.state != absent {
			there = append(there, f)
		}
	}
	f, _ := pick(there, n)
	return f
}

func (w *world) lose(s Step) error {
	f := w.writtenPidfile(s.A)
	if f == nil {
		return nil
	}
	w.tell("rm %s", f)
	return errors.Join(os.Remove(f.path), f.reread(nil))
}

// damage leaves no number. What is empty and young would be read again for 200 ms.
func (w *world) damage(s Step) error {
	f := w.writtenPidfile(s.A)
	if f == nil {
		return nil
	}
	content := []string{"", "12abc\n", "\x00\x00\x00", "-1\n"}[s.B%4]
	w.tell("echo -n %q >%s", content, f)
	return errors.Join(f.write(content), f.seemWritten(time.Now().Add(-10*time.Second)))
}

// rewrite has a pidfile name some process, mostly one of its daemon.
func (w *world) rewrite(s Step) error {
	p, is := pick(w.processes(), s.B)
	if !is {
		return nil
	}
	f := w.instances()[s.A%len(w.instances())]
	if of := w.of(p.argv0); len(of) > 0 && s.C > 0 {
		f = of[s.A%len(of)]
	}
	w.tell("echo %d >%s", p.pid, f)
	return f.write(fmt.Sprintln(p.pid))
}

// age: so old that what runs is late; or from before the boot.
func (w *world) age(s Step) error {
	f := w.writtenPidfile(s.A)
	if f == nil || f.state != names {
		return nil
	}
	return w.ageOf(f, s.B)
}

func (w *world) ageOf(f *pidfile, n int) error {
	if n%3 == 2 {
		w.tell("%s is from before the boot", f)
		return f.seemWritten(w.lab.boot.Add(-time.Hour))
	}
	w.tell("%s was written long before", f)
	return f.seemWritten(w.lab.elder.started.Add(time.Second))
}

// soon: as if the number had come round within a second.
func (w *world) soon(s Step) error {
	f := w.writtenPidfile(s.A)
	if f == nil || w.living[f.pid] == nil {
		return nil
	}
	w.tell("%s was written half a second before %v started", f, w.living[f.pid])
	return f.seemWritten(w.living[f.pid].started.Add(-500 * time.Millisecond))
}

// setClock makes all that was written seem days older, beside what has started.
func (w *world) setClock(Step) error {
	w.tell("the clock was set forward by 5 days")
	err := filepath.WalkDir(w.lab.run, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		at, err := mtime(path)
		if err != nil {
			return err
		}
		at = at.Add(-5 * 24 * time.Hour)
		return os.Chtimes(path, at, at)
	})
	for _, f := range w.pidfiles {
		err = errors.Join(err, f.reread(f.writer))
	}
	return err
}

// hideElder takes root's other daemon's pidfile away.
func (w *world) hideElder(Step) error {
	if w.elder.state == absent {
		return nil
	}
	w.tell("rm %s, the pidfile of an older daemon of root's", w.elder)
	return errors.Join(os.Remove(w.elder.path), w.elder.reread(nil))
}

func (w *world) register(Step) error {
	if w.registered {
		return nil
	}
	w.registered = true
	w.tell("register every instance")
	var err error
	for i, f := range w.instances() {
		content := fmt.Sprintf("DAEMON=%s\nPIDFILE=%s\n", f.daemon, f.path)
		file := fmt.Sprintf("%s-%d", strings.TrimSuffix(filepath.Base(f.path), ".pid"), i)
		err = errors.Join(err, os.WriteFile(w.lab.path("instances/"+file), []byte(content), 0o644))
	}
	return err
}
