// Bench measures what pidproof promises about speed, on this machine, and
// writes what it saw to docs/bench. `make bench` runs it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"pidproof/testdata/supervise"
)

var (
	pidproof = flag.String("pidproof", "bin/pidproof", "the `program` to measure")
	rounds   = flag.Int("rounds", 40, "let every command do this `number` of stops")
	out      = flag.String("out", "docs/bench", "write the tables to this `directory`")
	check    = flag.Bool("check", false, "fail if pidproof is slower than it promises")
)

func main() {
	// The daemons that are stopped are this program under another name.
	if filepath.Base(os.Args[0]) == daemonName {
		os.Exit(code(beDaemon(os.Args[1:])))
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

func run() error {
	if flag.NArg() > 0 || *rounds < 1 {
		return errors.New("takes options only (see -help), and at least one round")
	}
	dir, err := os.MkdirTemp("", "pidproof-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	bench, err := newStopBench(dir)
	if err != nil {
		return err
	}
	stops, err := bench.run(*rounds)
	if err != nil {
		return err
	}
	if err := stops.print(os.Stdout); err != nil {
		return err
	}
	// From here on Ctrl-C comes too late: it would leave the temporary file.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return err
	}
	if err := publish(filepath.Join(*out, "stop.md"), stops.markdown()); err != nil {
		return err
	}
	if *check {
		return stops.check()
	}
	return nil
}
