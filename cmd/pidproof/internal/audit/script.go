package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"
)

// Limits of what is read: the longest init script of Debian 12 has 35 KiB. The parser calls
// itself for what is nested.
const (
	sizeLimit  = 256 << 10
	lineLimit  = 16 << 10
	depthLimit = 400
)

// ErrNoShell is wrapped where a file is something else than a shell script.
var ErrNoShell = errors.New("is no shell script")

// script is the text of a file, and what of it is shell: all, or the parts that logrotate or
// cron hand to a shell.
type script struct {
	path  string
	text  string
	files []*syntax.File
	// unpatched: nothing of it is replaced. Parts of a file are at its lines, not at its bytes.
	unpatched bool
}

// readTime: a file that gives nothing in that time is none of a script's.
const readTime = 5 * time.Second

// read reads a regular file, by whatever name, without waiting: a FIFO in /etc/init.d would
// have us wait for a writer, /proc/kmsg for the kernel, and a file system for its server.
func read(path string) (string, fs.FileMode, error) {
	type content struct {
		text string
		mode fs.FileMode
		err  error
	}
	done := make(chan content, 1)
	go func() {
		var c content
		c.text, c.mode, c.err = readNow(path)
		done <- c
	}()
	select {
	case c := <-done:
		return c.text, c.mode, c.err
	case <-time.After(readTime):
		return "", 0, fmt.Errorf("%s: nothing could be read for %v", path, readTime)
	}
}

func readNow(path string) (string, fs.FileMode, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return "", 0, err
	}
	text, err := contentOf(f, st)
	return text, st.Mode(), err
}

func contentOf(f *os.File, st fs.FileInfo) (string, error) {
	if !st.Mode().IsRegular() {
		return "", fmt.Errorf("%s %w: it is no regular file", f.Name(), ErrNoShell)
	}
	content, err := io.ReadAll(io.LimitReader(f, sizeLimit+1))
	if err != nil {
		return "", err
	}
	return string(content), nil
}

// load reads a file and takes it apart.
func load(path string) (*script, error) {
	text, mode, err := read(path)
	if err != nil {
		return nil, err
	}
	s, err := parse(path, text)
	if errors.Is(err, ErrNoShell) && mode&0o111 != 0 && !strings.HasPrefix(text, "#!") && strings.IndexByte(text, 0) < 0 {
		// A shell runs what execve(2) does not know; so do init's and cron's.
		if as, failed := parseParts(path, text, []part{{text: text}}); failed == nil && readable(text) == nil {
			return as, nil
		}
	}
	return s, err
}

func parse(path, text string) (*script, error) {
	parts, err := partsOf(path, text)
	if err != nil {
		return nil, err
	}
	return parseParts(path, text, parts)
}

func parseParts(path, text string, parts []part) (*script, error) {
	s := &script{path: path, text: text, unpatched: hasSections(path)}
	for _, part := range parts {
		f, err := parsePart(part)
		if err != nil {
			return nil, fmt.Errorf("%s cannot be read as a shell reads it: %w", path, err)
		}
		s.files = append(s.files, f)
	}
	return s, nil
}

// part is shell, at the lines where the file has it.
type part struct {
	text  string
	shell syntax.LangVariant
}

func hasSections(path string) bool {
	dir := filepath.Base(filepath.Dir(path))
	return dir == "logrotate.d" || dir == "cron.d"
}

func partsOf(path, text string) ([]part, error) {
	parts := []part{{text: text}}
	switch filepath.Base(filepath.Dir(path)) {
	case "logrotate.d":
		parts = rotations(text)
	case "cron.d":
		parts = crontab(text)
	default:
		shell, is := shellOf(text)
		if !is && !sourced(path) || strings.IndexByte(text, 0) >= 0 {
			return nil, fmt.Errorf("%s %w: %s", path, ErrNoShell, beginning(text))
		}
		parts[0].shell = shell
	}
	if err := readable(text); err != nil {
		return nil, fmt.Errorf("%s %w", path, err)
	}
	return parts, nil
}

// beginning says what a file is instead, in the words of its first line.
func beginning(text string) string {
	switch line := firstLine(text); {
	case strings.IndexByte(text, 0) >= 0:
		return "it is binary"
	case !strings.HasPrefix(line, "#!"):
		return "it does not begin with #!"
	default:
		return "it begins with " + line
	}
}

// readable refuses what nobody wrote by hand.
func readable(text string) error {
	if len(text) > sizeLimit {
		return fmt.Errorf("is longer than %d KiB", sizeLimit>>10)
	}
	depth, least, deepest := 0, 0, 0
	for line := range strings.Lines(text) {
		if len(line) > lineLimit {
			return fmt.Errorf("has a line of more than %d KiB", lineLimit>>10)
		}
		if strings.HasSuffix(line, "\r\n") {
			return errors.New("has DOS line ends, with which no shell runs it: dos2unix")
		}
		depth += nesting(line)
		least = min(least, depth) // the patterns of a case close what nobody opened
		deepest = max(deepest, depth-least)
	}
	if deepest > depthLimit {
		return errors.New("is nested too deeply")
	}
	return nil
}

// nesting is roughly by how much a line is deeper in the end than in the beginning, of
// brackets and of what begins a compound command.
func nesting(line string) int {
	depth := strings.Count(line, "(") - strings.Count(line, ")") + strings.Count(line, "{") - strings.Count(line, "}")
	depth += strings.Count(line, "`") / 2
	for _, word := range strings.Fields(line) {
		switch word {
		case "if", "while", "until", "for", "case", "select":
			depth++
		case "fi", "done", "esac", "fi;", "done;", "esac;":
			depth--
		}
	}
	return depth
}

// shellOf reads the first line, as execve(2) does; openrc-run and init-d-script are scripts
// that read the file with the shell.
func shellOf(text string) (syntax.LangVariant, bool) {
	line, is := strings.CutPrefix(firstLine(text), "#!")
	words := strings.Fields(line)
	if !is || len(words) == 0 {
		return 0, false
	}
	for _, word := range words { // behind env -S, busybox, with-contenv
		name := filepath.Base(word)
		name = strings.TrimSuffix(strings.TrimPrefix(name, "static-"), "-static")
		switch strings.TrimRight(name, "0123456789.") {
		case "bash", "rbash":
			return syntax.LangBash, true
		case "mksh", "ksh", "zsh", "oksh", "lksh", "rksh", "pdksh", "dtksh":
			return syntax.LangMirBSDKorn, true
		case "sh", "dash", "ash", "posh", "yash", "hush", "init-d-script", "openrc-run", "runscript", "rc.common":
			return syntax.LangPOSIX, true
		}
	}
	return 0, false
}

// sourced: files that are read by scripts and have no first line of their own.
func sourced(path string) bool {
	dir := filepath.Dir(path)
	switch filepath.Base(path) {
	case "functions", "rc.status": // of Red Hat and SUSE
		return true
	}
	return filepath.Base(dir) == "default" || strings.HasSuffix(dir, "/lib/lsb") || filepath.Base(dir) == "init-functions.d" || filepath.Ext(path) == ".sh"
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	if line = strings.TrimSpace(line); len(line) > 60 {
		line = line[:60] + "..."
	}
	return line
}

// parsePart reads as the shell that the file asks for; what that refuses may be bash's: an
// init script for sh that has its words is common, and runs.
func parsePart(p part) (*syntax.File, error) {
	text := asASCII(p.text)
	f, err := syntax.NewParser(syntax.Variant(p.shell)).Parse(bytes.NewReader(text), "")
	if err != nil && p.shell != syntax.LangBash {
		if as, failed := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(bytes.NewReader(text), ""); failed == nil {
			return as, nil
		}
	}
	return f, err
}

// asASCII: the parser wants UTF-8, and old scripts have names in Latin-1 in their comments.
// Each byte stays one, where it is.
func asASCII(text string) []byte {
	content := []byte(text)
	if utf8.Valid(content) {
		return content
	}
	for i, b := range content {
		if b >= utf8.RuneSelf {
			content[i] = '?'
		}
	}
	return content
}
