package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"pidproof/testdata/waiting"
)

// call is one call of pidof: what is typed, and what that means.
type call struct {
	args     []string
	uid      int
	programs []string

	x, z, s, c, q bool
	separator     string
	omit          []int
}

// call makes one up. Options stand before, between and behind the programs, alone or
// together, as getopt(3) permits.
func (w *world) call() call {
	c := call{uid: os.Geteuid(), separator: " "}
	if c.uid == 0 && w.chance(45) {
		c.uid = stranger
	}
	for range 1 + w.rand.IntN(2)*w.rand.IntN(5) {
		program := w.nextProgram()
		if rel, err := filepath.Rel(w.at("bin"), program); err == nil && filepath.Dir(rel) == "." && w.chance(25) {
			program = w.pick(w.at("link/"+rel), "./bin/"+rel, "bin/"+rel, w.dir+"//bin/./"+rel, w.at("bin/../link/"+rel))
		}
		c.programs = append(c.programs, program)
	}
	var words [][]string
	for _, program := range c.programs {
		words = append(words, []string{program})
	}
	letters := ""
	for _, option := range []struct {
		letter  string
		percent int
		means   *bool
	}{{"x", 40, &c.x}, {"z", 35, &c.z}, {"s", 20, &c.s}, {"c", 25, &c.c}, {"q", 5, &c.q}, {"n", 10, new(bool)}} {
		if w.chance(option.percent) {
			letters += option.letter
			*option.means = true
		}
	}
	if letters != "" && w.chance(50) {
		words = append(words, []string{"-" + letters})
	} else {
		for _, letter := range letters {
			words = append(words, []string{"-" + string(letter)})
		}
	}
	if w.chance(20) {
		given := w.pick(",", "", "|", "ab", "\n", "-", "ä", "x", "=")
		c.separator = (given + "\x00")[:1]
		words = append(words, w.pickWords([]string{"-d", given}, "-d"+given, given != ""))
	}
	words = append(words, w.omissions(&c)...)
	w.rand.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
	c.programs = nil
	for _, word := range words {
		c.args = append(c.args, word...)
		if len(word) == 1 && !strings.HasPrefix(word[0], "-") {
			c.programs = append(c.programs, word[0])
		}
	}
	return c
}

// nextProgram comes to each of them in turn.
func (w *world) nextProgram() string {
	if w.turn%len(w.programs) == 0 {
		w.rand.Shuffle(len(w.programs), func(i, j int) { w.programs[i], w.programs[j] = w.programs[j], w.programs[i] })
	}
	w.turn++
	return w.programs[w.turn%len(w.programs)]
}

// pickWords gives an option and its value as two words or as one.
func (w *world) pickWords(two []string, one string, both bool) []string {
	if both && w.chance(50) {
		return []string{one}
	}
	return two
}

// omissions are -o with processes of this world, as people may write them.
func (w *world) omissions(c *call) (words [][]string) {
	for range w.rand.IntN(2) * w.rand.IntN(3) {
		var list strings.Builder
		for range 1 + w.rand.IntN(3) {
			pid := w.processes[w.rand.IntN(len(w.processes))].pid
			word := strconv.Itoa(pid)
			c.omit = append(c.omit, pid)
			switch w.rand.IntN(12) {
			case 0:
				word = "%PPID," + word // our own number: we are not looked for
			case 1:
				word = w.pick(" ", "+", "00", "\t") + word
			case 2:
				word += w.pick(" ", "abc", " 1", ".")
			case 3:
				word += w.pick(",nonsense", ",0", ",", ";;", ",99999999999999999999")
			}
			list.WriteString(word + w.pick(",", ";", ":"))
		}
		given := list.String()
		if w.chance(50) {
			given = given[:len(given)-1]
		}
		words = append(words, w.pickWords([]string{"-o", given}, "-o"+given, true))
	}
	return words
}

// answer is what a pidof said.
type answer struct {
	stdout, stderr string
	code           int
}

// asked runs a pidof with arguments, as a user.
func (w *world) asked(uid int, program []string, args ...string) answer {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), waiting.Limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program[0], slices.Concat(program[1:], args)...)
	cmd.Dir = w.dir
	if uid != os.Geteuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		w.t.Fatal(err)
	}
	return answer{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// printed is what the options make of the PIDs found for each program. sysvinit's
// -s has chosen its one before -c looks at the root directory, which a process has
// lost to it with its first thread.
func (c call) printed(found [][]int, of map[int]*arranged, sysvinits bool) (stdout string, code int) {
	var words []string
	for _, pids := range found {
		chosen := false
		for _, pid := range pids {
			p := of[pid]
			away := c.c && c.uid == 0 && (p.root || p.life == ended || p.life == headless && sysvinits)
			if slices.Contains(c.omit, pid) || c.s && chosen || away && !sysvinits {
				continue
			}
			if chosen = true; !away {
				words = append(words, strconv.Itoa(pid))
			}
		}
	}
	switch {
	case len(words) == 0:
		return "", 1
	case c.q:
		return "", 0
	}
	return strings.Join(words, c.separator) + "\n", 0
}
