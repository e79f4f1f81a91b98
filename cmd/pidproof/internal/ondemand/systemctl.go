package ondemand

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"pidproof/cmd/pidproof/internal/deadline"
)

// ErrNoAnswer is wrapped where systemd, or what else was asked, has not answered in
// time.
var ErrNoAnswer = errors.New("no answer in time")

// ErrRefused is wrapped where systemd has answered, and no is the answer.
var ErrRefused = errors.New("failed")

// systemctl runs systemctl(1) and returns its standard output.
func systemctl(ctx context.Context, args ...string) (string, error) {
	return output(ctx, "systemctl", append([]string{"--no-pager", "--no-ask-password"}, args...)...)
}

// Answers is nil if systemd does, or does not run.
func Answers(ctx context.Context) error {
	manager, err := Manager()
	if err == nil && manager == "systemd" {
		_, err = show(ctx, []string{"Id"}, "init.scope")
	}
	return err
}

// RunUnder has systemd run a command in the background, in a unit of its own: it outlives the
// session that we are in, and is started again if the kernel ends it for memory.
func RunUnder(ctx context.Context, command []string) error {
	options := []string{"--quiet", "--collect", "--no-block", "--no-ask-password", "--property=Restart=on-abnormal", "--property=RestartSec=2s", "--"}
	_, err := output(ctx, "systemd-run", append(options, command...)...)
	return err
}

func output(ctx context.Context, program string, args ...string) (string, error) {
	ctx, cancel := deadline.One(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("%s: %w", program, ErrNoAnswer)
	case errors.As(err, &exit):
		complaint, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
		last := args[len(args)-1]
		return "", fmt.Errorf("%s %w (%s): %s", program, ErrRefused, last, cmp.Or(complaint, exit.Error()))
	case err != nil:
		return "", fmt.Errorf("%s: %w", program, err)
	}
	return stdout.String(), nil
}

// properties are one unit's, as "systemctl show" prints them: a name may come more
// than once.
type properties map[string][]string

func (p properties) get(name string) string { return strings.Join(p[name], " ") }

// show asks for properties of units, in their order.
func show(ctx context.Context, names []string, units ...string) ([]properties, error) {
	if len(units) == 0 {
		return nil, nil
	}
	args := []string{"show", "--property=" + strings.Join(names, ",")}
	text, err := systemctl(ctx, append(append(args, "--"), units...)...)
	if err != nil {
		return nil, err
	}
	shown := []properties{parseBlock(text)}
	if len(units) > 1 {
		shown = parseShow(text)
	}
	if len(shown) != len(units) {
		return nil, fmt.Errorf("systemctl show: %d units were asked for, and %d shown", len(units), len(shown))
	}
	return shown, nil
}

// parseShow reads blocks of NAME=VALUE, one for each unit, that empty lines separate. A
// value may hold some itself, as ExecStart does: it is asked for of one unit alone.
func parseShow(text string) (units []properties) {
	for block := range strings.SplitSeq(strings.Trim(text, "\n"), "\n\n") {
		units = append(units, parseBlock(block))
	}
	return units
}

func parseBlock(block string) properties {
	of := properties{}
	for line := range strings.Lines(block) {
		if name, value, is := strings.Cut(strings.TrimSuffix(line, "\n"), "="); is {
			of[name] = append(of[name], value)
		}
	}
	return of
}
