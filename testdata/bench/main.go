// Bench measures what pidproof promises about speed, on this machine, and
// writes what it saw to docs/bench. `make bench` runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"pidproof/testdata/bench/host"
	"pidproof/testdata/bench/programs"
	"pidproof/testdata/bench/report"
	"pidproof/testdata/bench/scan"
	"pidproof/testdata/bench/stop"
	"pidproof/testdata/supervise"
)

var (
	pidproof = flag.String("pidproof", "bin/pidproof", "the `program` to measure")
	only     = flag.String("only", "", "run this `benchmark` only: scan or stop")
	rounds   = flag.Int("rounds", 40, "run every command this `number` of times")
	sizes    = flag.String("sizes", "100,1000,10000,30000", "scan beside these `numbers` of processes")
	out      = flag.String("out", "docs/bench", "write the tables to this `directory`")
	check    = flag.Bool("check", false, "fail if pidproof is slower than it promises")
)

func main() {
	if filepath.Base(os.Args[0]) == scan.Inside {
		os.Exit(code(scan.Measure(os.Stdin, os.Stdout)))
	}
	flag.Parse()
	// Ctrl-C may end us at any line: the process above us cleans up.
	os.Exit(supervise.Main(func() int { return code(run()) }))
}

func code(err error) int {
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		return 1
	}
	return 0
}

// result is what a benchmark saw.
type result interface {
	Print(to io.Writer) error
	// Files are what goes into the documentation, by name.
	Files() (map[string]string, error)
	// Check fails with every promise that was not kept.
	Check() error
}

func run() error {
	if flag.NArg() > 0 || *rounds < 1 || *only != "" && *only != "scan" && *only != "stop" {
		return errors.New("takes options only (see -help), at least one round, and -only scan or -only stop")
	}
	dir, err := os.MkdirTemp("", "pidproof-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if busy := host.Busy(); busy != "" {
		fmt.Fprintf(os.Stderr, "bench: %s\n", busy)
	}
	var failed []error
	for _, name := range []string{"scan", "stop"} {
		if *only != "" && *only != name {
			continue
		}
		result, err := measure(name, dir)
		if err != nil {
			return err
		}
		if err := result.Print(os.Stdout); err != nil {
			return err
		}
		if err := write(result); err != nil {
			return err
		}
		if *check {
			failed = append(failed, result.Check())
		}
	}
	return errors.Join(failed...)
}

func measure(name, dir string) (result, error) {
	dir = filepath.Join(dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	pidproof, err := programs.Install(dir, *pidproof)
	if err != nil {
		return nil, fmt.Errorf("%w (make builds it)", err)
	}
	if name == "stop" {
		bench, err := stop.New(dir, pidproof)
		if err != nil {
			return nil, err
		}
		return bench.Run(*rounds)
	}
	numbers, err := numbers(*sizes)
	if err != nil {
		return nil, err
	}
	bench, err := scan.New(dir, pidproof)
	if err != nil {
		return nil, err
	}
	return bench.Run(context.Background(), numbers, *rounds)
}

func numbers(list string) (numbers []int, err error) {
	for word := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 || len(numbers) > 0 && n <= numbers[len(numbers)-1] {
			return nil, fmt.Errorf("-sizes %s: not numbers that grow", list)
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// write puts each file in place as a whole. Meanwhile Ctrl-C waits: it would leave a temporary file.
func write(result result) error {
	files, err := result.Files()
	if err != nil {
		return err
	}
	endings := []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}
	held := make(chan os.Signal, 1)
	signal.Notify(held, endings...)
	defer func() {
		signal.Reset(endings...)
		select {
		case s := <-held:
			_ = syscall.Kill(os.Getpid(), s.(syscall.Signal))
		default:
		}
	}()
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return err
	}
	for name, content := range files {
		if err := report.Publish(filepath.Join(*out, name), content); err != nil {
			return err
		}
	}
	return nil
}
