package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/testdata/need"
	"pidproof/testdata/waiting"
)

// answer is what a shell made of a line when the key was pressed.
type answer struct {
	offered []string
	line    string // as it stands then
}

// files reports that bash was told to complete files by itself.
func (a answer) files() bool { return slices.Contains(a.offered, "option -o default") }

// asked is a shell that a person could sit before.
type asked interface {
	ask(t *testing.T, lines ...string) []answer
}

// bashAsks, plain or with the package bash-completion, which loads the file by itself, and zshAsks have what is offered
// written into a file; the line is written there by a key of its own, which also empties it.
const bashAsks = `PS1= PS2=
%s
_asked() { _pidproof "$@"; printf 'offered %%s\n' "${COMPREPLY[@]}" >>"$ANSWER"; }
compopt() { printf 'offered option %%s\n' "$*" >>"$ANSWER"; builtin compopt "$@"; }
complete -F _asked pidproof
_line() { printf 'line %%s\n' "$READLINE_LINE" >>"$ANSWER"; READLINE_LINE= READLINE_POINT=0; printf 'end\n' >>"$ANSWER"; }
bind 'set completion-query-items 0' 'set page-completions off' 'set show-all-if-ambiguous off'
bind -x '"\C-g": _line'
printf 'end\n' >>"$ANSWER"
`

const zshAsks = `PS1= PS2= LISTMAX=10000
fpath=("$SHARE/zsh/site-functions" $fpath)
autoload -U compinit
compinit -D
setopt no_auto_list no_auto_menu no_list_ambiguous no_beep
compadd() {
	local -a hits
	if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)* ]]; then builtin compadd "$@"; return; fi
	builtin compadd -A hits "$@"
	(( $#hits )) && print -rl -- "offered "$^hits >>"$ANSWER"
	builtin compadd "$@"
}
_line() { print -r -- "line $BUFFER" >>"$ANSWER"; BUFFER=; print end >>"$ANSWER" }
zle -N _line
bindkey -e
bindkey '^G' _line
print end >>"$ANSWER"
`

// keyed is a shell that is asked through a terminal.
type keyed struct {
	terminal *os.File
	answer   string
}

// start runs a shell with a terminal of its own, in the folder dir.
func start(t *testing.T, rc, dir string, env []string, argv ...string) keyed {
	t.Helper()
	home := t.TempDir()
	k := keyed{answer: filepath.Join(home, "answer")}
	for _, name := range []string{".bashrc", ".zshrc"} {
		do(t, os.WriteFile(filepath.Join(home, name), []byte(rc), 0o644))
	}
	var inside *os.File
	k.terminal, inside = terminal(t)
	shell := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	shell.Dir = dir
	shell.Env = append([]string{"HOME=" + home, "ZDOTDIR=" + home, "ANSWER=" + k.answer, "TERM=dumb", "LC_ALL=C.UTF-8",
		"PATH=" + os.Getenv("PATH")}, env...)
	shell.Stdin, shell.Stdout, shell.Stderr = inside, inside, inside
	shell.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	do(t, shell.Start())
	do(t, inside.Close())
	drained := make(chan string, 1)
	go func() { // EIO once the shell has gone
		var seen strings.Builder
		for b := make([]byte, 4096); ; {
			n, err := k.terminal.Read(b)
			if seen.Write(b[:n]); err != nil {
				drained <- seen.String()
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = shell.Process.Kill()
		_ = shell.Wait() // "signal: killed"
		seen := <-drained
		_ = k.terminal.Close()
		if t.Failed() {
			t.Logf("the terminal showed at last: %q", seen[max(0, len(seen)-500):])
		}
	})
	k.await(t)
	return k
}

// terminal is a new one, its outer end first; pts(4).
func terminal(t *testing.T) (outer, inner *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	do(t, err)
	do(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	do(t, err)
	inner, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	do(t, err)
	return os.NewFile(uintptr(fd), "/dev/ptmx"), inner
}

// await gives what was answered, once all of it is there.
func (k keyed) await(t *testing.T) (a answer) {
	t.Helper()
	var lines []string
	if !waiting.Until(func() bool {
		text, _ := os.ReadFile(k.answer)
		lines = strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		return lines[len(lines)-1] == "end"
	}) {
		t.Fatalf("no answer: %q", lines)
	}
	for _, line := range lines {
		if word, is := strings.CutPrefix(line, "offered "); is && word != "" {
			a.offered = append(a.offered, word)
		} else if text, is := strings.CutPrefix(line, "line "); is {
			a.line = text
		}
	}
	return a
}

func (k keyed) ask(t *testing.T, lines ...string) (answers []answer) {
	t.Helper()
	for _, line := range lines {
		do(t, os.Remove(k.answer))
		_, err := k.terminal.WriteString(line + "\t\a") // ^G
		do(t, err)
		answers = append(answers, k.await(t))
	}
	return answers
}

// fished asks fish, which has a command for it.
type fished struct {
	dir string
	env []string
}

func (f fished) ask(t *testing.T, lines ...string) (answers []answer) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "fish", append([]string{"-c",
		`for line in $argv; complete -C $line; echo; end`}, lines...)...)
	cmd.Dir = f.dir
	cmd.Env = append(os.Environ(), f.env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("fish: %v\n%s", err, out)
	}
	var a answer
	for line := range strings.Lines(string(out)) {
		if line == "\n" { // the end of an answer
			answers, a = append(answers, a), answer{}
			continue
		}
		word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		a.offered = append(a.offered, word)
	}
	if len(answers) != len(lines) {
		t.Fatalf("fish gave %d answers to %d lines:\n%s", len(answers), len(lines), out)
	}
	return answers
}

// shells are all, in a folder, with what was installed below prefix, on a host with these registrations.
func shells(t *testing.T, prefix, dir, registrations string) map[string]asked {
	t.Helper()
	for _, name := range []string{"bash", "zsh", "fish"} {
		need.Program(t, name)
	}
	const loader = "/usr/share/bash-completion/bash_completion"
	need.File(t, loader)
	share, home := filepath.Join(prefix, "share"), t.TempDir()
	env := []string{"PIDPROOF_INSTANCES=" + registrations, "SHARE=" + share, "BASH_COMPLETION_USER_DIR=" + filepath.Join(share, "bash-completion")}
	alone := fmt.Sprintf(bashAsks, `. "$SHARE/bash-completion/completions/pidproof"`)
	loaded := fmt.Sprintf(bashAsks, ". "+loader+"\n__load_completion pidproof || _comp_load pidproof")
	return map[string]asked{
		"bash":                      start(t, alone, dir, env, "bash", "-i"),
		"bash with bash-completion": start(t, loaded, dir, env, "bash", "-i"),
		"zsh":                       start(t, zshAsks, dir, env, "zsh", "-i"),
		"fish": fished{dir, append(env, "PATH="+prefix+"/sbin:"+os.Getenv("PATH"), "HOME="+home, // it asks for commands that are there "XDG_CONFIG_HOME="+home, "XDG_DATA_HOME="+home,
			"XDG_DATA_DIRS="+share+":/usr/share")},
	}
}

func do(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
