// Compare asks pidproof and the tools it replaces the same questions about the same real processes, and writes who was
// right to docs/comparison.md. `make compare` runs it, as root. Each scenario is one file in scenarios/.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"pidproof/testdata/bench/report"
	"pidproof/testdata/supervise"
)

var (
	pidproof  = flag.String("pidproof", "bin/pidproof", "the `program` that must be right everywhere")
	scenarios = flag.String("scenarios", "testdata/compare/scenarios", "play the scenarios of this `directory`")
	out       = flag.String("out", pageFile, "write the table to this `file`")
	readme    = flag.String("readme", "", "renew the summary between the markers in this `file`")
	deadline  = flag.Duration("deadline", 5*time.Second, "a tool that takes longer than this `time` hangs")
)

func main() {
	switch os.Getenv(stageEnv) {
	case stageInit:
		os.Exit(code(beInit()))
	case stageAsker:
		os.Exit(code(beAsker(os.Stdin, os.Stdout)))
	}
	flag.Parse()
	if os.Geteuid() != 0 {
		os.Exit(code(errors.New("only root can make the namespaces that the scenarios run in")))
	}
	// Ctrl-C may end us at any line: the process above us cleans up.
	os.Exit(supervise.Main(func() int { return code(run()) }))
}

func code(err error) int {
	if err != nil {
		fmt.Fprintf(os.Stderr, "compare: %v\n", err)
		return 1
	}
	return 0
}

func run() error {
	if flag.NArg() > 0 || *deadline <= 0 {
		return errors.New("takes options only (see -help), and a deadline above zero")
	}
	all, err := loadScenarios(*scenarios)
	if err != nil {
		return err
	}
	if err := writable(*out); err != nil {
		return fmt.Errorf("-out: %w", err)
	}
	dir, err := os.MkdirTemp("", "pidproof-compare-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := buildPrograms(dir, *pidproof); err != nil {
		return err
	}
	peers, err := findPeers(dir, publishes(*out, *readme))
	if err != nil {
		return err
	}
	plays, err := playAll(all, order{Programs: dir, Peers: peers, Deadline: *deadline})
	if err != nil {
		return err
	}
	result := comparison{peers, plays}
	fmt.Print(result.text())
	// From here on Ctrl-C comes too late: it would leave a temporary file.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	if err := result.unlessRight(); err != nil {
		return err // what is published holds for a pidproof that is right
	}
	if err := report.Publish(*out, result.markdown(deadline.String(), "../testdata/compare/scenarios")); err != nil {
		return err
	}
	if *readme != "" {
		return quote(*readme, result.summary())
	}
	return nil
}

// unlessRight is the promise: pidproof is right in every row.
func (c comparison) unlessRight() error {
	var wrong []string
	for _, p := range c.plays {
		for _, line := range p.notes(tools[0]) {
			wrong = append(wrong, p.scenario.name+": "+line)
		}
		if p.cell(tools[0]) == noQuestion {
			wrong = append(wrong, p.scenario.name+": was not asked")
		}
	}
	if wrong != nil {
		return fmt.Errorf("pidproof is not right everywhere:\n  %s", strings.Join(wrong, "\n  "))
	}
	return nil
}
