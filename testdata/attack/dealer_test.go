package attack

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// dealer gives numbers out: hostile/deal.c. It belongs to one goroutine.
type dealer struct {
	orders  io.Writer
	answers *bufio.Reader
}

func newDealer(t *testing.T) dealer {
	t.Helper()
	command := exec.Command("/srv/bin/deal")
	orders, err := command.StdinPipe()
	must(t, err)
	answers, err := command.StdoutPipe()
	must(t, err)
	command.Stderr = os.Stderr
	must(t, command.Start())
	t.Cleanup(process{Cmd: command}.end)
	return dealer{orders, bufio.NewReader(answers)}
}

func (d dealer) order(fields ...any) (string, error) {
	words := make([]string, len(fields))
	for i, field := range fields {
		words[i] = fmt.Sprint(field)
	}
	if _, err := io.WriteString(d.orders, strings.Join(words, "\t")+"\n"); err != nil {
		return "", err
	}
	line, err := d.answers.ReadString('\n')
	return strings.TrimSpace(line), err
}

// number is for orders that are answered with one; negative: an error of the kernel's.
func (d dealer) number(fields ...any) (int, error) {
	said, err := d.order(fields...)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(said)
}

// start gives a number away, or any for 0; uid -1: root. A masked process keeps its signals.
func (d dealer) start(number, uid int, masked bool, argv ...string) (int, error) {
	return d.number("start", number, uid, flag(masked), strings.Join(argv, "\t"))
}

// swap ends a process after so many microseconds, and gives its number to a masked one.
func (d dealer) swap(number, microseconds, uid int, pidfile string, argv ...string) (int, error) {
	return d.number("swap", number, microseconds, uid, flag(true), pidfile, strings.Join(argv, "\t"))
}

// harm is what happened to a masked process, "" if nothing.
func (d dealer) harm(pid int) (string, error) {
	said, err := d.order("signals", pid)
	if said == "0" {
		said = ""
	}
	return said, err
}

func (d dealer) end(pid int) error {
	_, err := d.order("end", pid)
	return err
}

func flag(is bool) int {
	if is {
		return 1
	}
	return 0
}
