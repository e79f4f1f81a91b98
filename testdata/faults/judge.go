package faults

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// judge says what is wrong with a run, beside one without a fault; "" if nothing is.
func (c command) judge(s *scene, r, without run) string {
	if r.hung {
		return fmt.Sprintf("it did not end within %v", runTime)
	}
	if wrong := c.harm(s, r); wrong != "" {
		return wrong
	}
	if wrong := c.files(s); wrong != "" {
		return wrong
	}
	if isTraceback(r.stderr) {
		if r.exit == 2 && runtimeDied.MatchString(r.stderr) {
			return "" // Go's own: the shell files make 4 of it
		}
		return "a traceback: " + firstLine(r.stderr)
	}
	if r.exit != without.exit {
		partly := r.exit == 1 && len(s.further) > 0 && len(r.signals()) > 0 // killproc(8): only some of several could be signalled
		if slices.Contains(c.unknown, r.exit) || partly {
			return c.mute(r)
		}
		return fmt.Sprintf("exit %d: %s", r.exit, firstLine(r.stdout+r.stderr))
	}
	if c.same && !mayBeMute(r) && inNoOrder(r.stdout) != inNoOrder(without.stdout) && !strings.HasSuffix(r.stderr, "; left alone\n") {
		return fmt.Sprintf("it said %q", r.stdout)
	}
	if strings.HasPrefix(c.name, "list") {
		return listed(r, without)
	}
	if c.done != nil && r.exit == 0 {
		if missing := c.done(s, r); missing != "" {
			return fmt.Sprintf("exit 0, but %s: %s", missing, firstLine(r.stdout+r.stderr))
		}
	}
	if without.stdout != "" && r.stdout+r.stderr == "" && !mayBeMute(r) {
		return "it said nothing"
	}
	return ""
}

// mute: whoever cannot tell says why.
func (c command) mute(r run) string {
	if r.stdout+r.stderr == "" && !mayBeMute(r) {
		return fmt.Sprintf("exit %d without a word", r.exit)
	}
	return ""
}

// mayBeMute: the word itself could not be written, or was lost.
func mayBeMute(r run) bool {
	return slices.ContainsFunc(r.calls, func(c call) bool { return c.injected && c.name == "write" })
}

// harm says who was signalled, or has ended, that should not.
func (c command) harm(s *scene, r run) string {
	var may []int
	if c.may != nil {
		may = c.may(s)
	}
	for _, sent := range r.signals() {
		pid, _, _ := strings.Cut(sent, " ")
		if n, _ := strconv.Atoi(pid); s.processes[n] != "" && !slices.Contains(may, n) {
			return "signalled " + s.who(n) + ": " + sent
		}
	}
	if strings.HasPrefix(c.name, "killproc") && r.exit == 4 && len(r.signals()) > 0 && !strings.Contains(r.stderr, "not known") {
		return "exit 4, which says that nothing was signalled: " + r.signals()[0]
	}
	for _, pid := range s.gone() {
		if !slices.Contains(may, pid) && !c.mayEnd(s, pid) {
			return "has ended: " + s.who(pid)
		}
	}
	return ""
}

// mayEnd: the programs that a command executes end these; and the main process its
// worker.
func (c command) mayEnd(s *scene, pid int) bool {
	instance := pid == s.main || pid == s.worker || slices.Contains(s.further, pid)
	return instance && (c.executes || c.may != nil && slices.Contains(c.may(s), s.main))
}

func (s *scene) who(pid int) string {
	switch pid {
	case s.main:
		return "the main process"
	case s.worker:
		return "the worker"
	case s.other:
		return "the other instance"
	case s.otherWorker:
		return "the other instance's worker"
	case s.stranger:
		return "the stranger"
	}
	if i := slices.Index(s.further, pid); i >= 0 { // no number, which differs from scene to scene
		return "of the instance as well" + strings.Repeat(", too", i)
	}
	return fmt.Sprint(pid)
}

// number stands for a process in JSON.
func (s *scene) number(pid int) string {
	return strconv.Itoa(9000000 + slices.Index(s.roles(), pid))
}

// inNoOrder sorts lines and words: of a scene that was arranged anew, the processes may be
// numbered in another order.
func inNoOrder(said string) string {
	words := strings.Fields(said)
	slices.Sort(words)
	return strings.Join(words, " ")
}

// files says which file is neither as it was nor what the command may make of it.
func (c command) files(s *scene) string {
	now := s.present()
	for path, content := range now {
		if before, was := s.files[path]; was && before == content || path == s.path("spawned") {
			continue
		}
		if c.became != nil && content == "" { // its daemon was about to write, or to remove it
			continue
		}
		if c.became == nil || !c.became(s, path, &content) {
			return fmt.Sprintf("%s is %q", path, content)
		}
	}
	for path := range s.files {
		if _, is := now[path]; !is && (c.became == nil || !c.became(s, path, nil)) {
			return path + " is gone"
		}
	}
	return ""
}

var (
	traceback   = regexp.MustCompile(`(?m)^(panic:|fatal error:|runtime:|goroutine \d+ )`)
	runtimeDied = regexp.MustCompile(`runtime: failed to create new OS thread|runtime: epollcreate|runtime: netpollinit|runtime: epollctl|runtime: eventfd|runtime: netpollBreak|runtime: unexpected error while checking standard file descriptor`)
)

func isTraceback(said string) bool { return traceback.MatchString(said) }

func firstLine(said string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(said), "\n")
	return line
}
