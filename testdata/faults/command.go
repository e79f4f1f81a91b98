package faults

import (
	"fmt"
	"slices"
)

// command is one of pidproof's, and what it may do.
type command struct {
	name string
	in   []string // the situations it is asked in; nil: all
	args func(*scene) []string
	// unknown are the exit codes that say "cannot tell" or "not done", besides the one
	// that the command has without a fault.
	unknown []int
	// may are those it may signal.
	may func(*scene) []int
	// became says of a file that is not as it was whether the command may have left it
	// so; content is nil if it is gone.
	became func(s *scene, path string, content *string) bool
	// done says what is missing though the exit code says that all was done.
	done func(s *scene, r run) string
	// same: with the same exit code the same standard output.
	same     bool
	executes bool // other programs
	slow     bool // it waits for seconds, to see what stays
	prepare  func(*scene) error
	extraEnv []string
}

func (c command) env(h *host) []string {
	return append([]string{"PIDPROOF_INSTANCES=" + h.path("instances.d")}, c.extraEnv...)
}

// trouble is start-stop-daemon's.
var (
	cannotTell = []int{4}
	trouble    = []int{3}
	refused    = []int{1, 4}
)

// about are the words after a command's name.
func about(words ...string) func(*scene) []string {
	return func(s *scene) []string { return append(slices.Clone(words), "-p", s.pidfile, s.daemon) }
}

// ssd are start-stop-daemon's.
func ssd(exec, pidfile bool, words ...string) func(*scene) []string {
	return func(s *scene) []string {
		words := append([]string{"start-stop-daemon"}, words...)
		if exec {
			words = append(words, "--exec", s.daemon)
		}
		if pidfile {
			words = append(words, "--pidfile", s.pidfile)
		}
		return words
	}
}

func theMain(s *scene) []int { return append([]int{s.main}, s.further...) }

func theInstance(s *scene) []int { return append([]int{s.main, s.worker}, s.further...) }

func everyone(s *scene) []int {
	return append([]int{s.main, s.worker, s.other, s.otherWorker}, s.further...)
}

// pidfileGone allows that the instance's pidfile is removed.
func pidfileGone(s *scene, path string, content *string) bool {
	return path == s.pidfile && content == nil
}

// pidfileNobodys allows that it names what can be no process.
func pidfileNobodys(s *scene, path string, content *string) bool {
	return path == s.pidfile && content != nil && *content == "4194304\n"
}

// ended wants the end of the main processes, and of their wrapper.
func ended(s *scene, r run) string {
	if s.main != 0 && slices.Contains(s.mainNamed(), s.main) && !slices.Contains(s.gone(), s.main) {
		return fmt.Sprintf("%d runs on", s.main)
	}
	for _, pid := range s.further {
		if !slices.Contains(s.gone(), pid) || !slices.Contains(s.gone(), s.main) {
			return fmt.Sprintf("%d or %d runs on", s.main, pid)
		}
	}
	return ""
}

// mainNamed is the main process if its pidfile names it.
func (s *scene) mainNamed() []int {
	if s.files[s.pidfile] == fmt.Sprintf("%d\n", s.main) {
		return []int{s.main}
	}
	return nil
}

var commands = slices.Concat(asking, signalling, changing)

func commandOf(name string) command {
	for _, c := range commands {
		if c.name == name {
			return c
		}
	}
	panic("there is no command " + name)
}
