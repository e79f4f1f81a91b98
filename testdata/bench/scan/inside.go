package scan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"pidproof/testdata/bench/host"
	"pidproof/testdata/waiting"
)

// commandPatience is how long one run of one command may take.
const commandPatience = waiting.Limit

// environment is the same everywhere: the user's language, or GOGC, must not count.
var environment = []string{"PATH=" + host.Path, "LC_ALL=C"}

// Measure is the program called Inside: it reads its plan from one end and writes the result to the other.
func Measure(from io.Reader, to io.Writer) error {
	var p plan
	if err := json.NewDecoder(from).Decode(&p); err != nil {
		return err
	}
	var result Result
	var err error
	if p.Own {
		err = settle()
	}
	if err != nil {
		result.Setup = err.Error()
	} else if len(p.Sizes) > 0 {
		if err := p.measure(&result); err != nil {
			return err
		}
	}
	return json.NewEncoder(to).Encode(result)
}

func (p *plan) measure(result *Result) error {
	runtime.LockOSThread() // all that is started ends with this thread: Pdeathsig, prctl(2)
	launcher, err := startLauncher(p.Launch)
	if err != nil {
		return err
	}
	defer launcher.stop()
	daemon, err := p.startDaemon()
	if err != nil {
		return err
	}
	defer daemon.stop()
	if p.Own {
		if err := p.measureMounts(launcher, daemon.pid(), result); err != nil {
			return err
		}
	}
	crowd, err := newCrowd(p.Dir, p.Own)
	if err != nil {
		return err
	}
	defer crowd.disperse()

	for _, processes := range p.Sizes {
		begin := time.Now()
		if err := crowd.grow(processes); errors.Is(err, errNoRoom) {
			result.LeftOut = append(result.LeftOut, fmt.Sprintf("%s processes: %v", count(processes), err))
			continue
		} else if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "bench: %s processes, idle within %.1f s\n", count(processes), time.Since(begin).Seconds())
		if err := p.rehearse(daemon.pid()); err != nil {
			return err
		}
		size := Size{Processes: processes}
		if err := p.takeTurns(launcher, &size, p.rounds(processes), func(Command) bool { return true }); err != nil {
			return err
		}
		if err := crowd.count(processes); err != nil {
			return fmt.Errorf("after measuring: %w", err)
		}
		result.Sizes = append(result.Sizes, size)
	}
	return nil
}

// rehearse runs every command once, outside of the measurement, and fails if an answer is wrong: those may be cheap.
func (p *plan) rehearse(main int) error {
	for _, c := range p.Commands {
		if c.Missing != "" {
			continue
		}
		if err := c.rehearse(main); err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	return nil
}

func (c Command) rehearse(main int) error {
	ctx, cancel := context.WithTimeout(context.Background(), commandPatience)
	defer cancel()
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = environment, &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	named := regexp.MustCompile(fmt.Sprintf(`\b%d\b`, main))
	if code := cmd.ProcessState.ExitCode(); !slices.Contains(c.Exits, code) || c.Says && !named.Match(said.Bytes()) {
		return fmt.Errorf("it gave a wrong answer, exit %d: %s", code, strings.TrimSpace(said.String()))
	}
	return nil
}

// rounds are fewer beyond 10,000 processes, such that no size takes much longer than that.
func (p *plan) rounds(processes int) int {
	return max(1, min(p.Rounds, p.Rounds*thousands/processes))
}

// takeTurns has every command that takes part run in every round, those with more Turns more often.
func (p *plan) takeTurns(launcher *launcher, size *Size, rounds int, takesPart func(Command) bool) error {
	size.Runs = make([][]Run, len(p.Commands))
	var turns []int
	for i, c := range p.Commands {
		if c.Missing == "" && takesPart(c) {
			turns = append(turns, slices.Repeat([]int{i}, max(1, c.Turns))...)
		}
	}
	chance := rand.New(rand.NewPCG(868861, uint64(size.Processes+size.Mounts)))
	for round := range rounds {
		chance.Shuffle(len(turns), func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
		for _, i := range turns {
			c := p.Commands[i]
			run, code, err := launcher.run(c.Argv)
			if err == nil && !slices.Contains(c.Exits, code) {
				err = fmt.Errorf("in round %d it gave a wrong answer, exit %d", round+1, code)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
			size.Runs[i] = append(size.Runs[i], run)
		}
	}
	return nil
}
