package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// recordSignals writes a line for each signal: HUP, USR1. It comes after
// signal.Reset, which would end it.
func recordSignals() error {
	f, err := os.OpenFile(*record, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	got := make(chan os.Signal, 16)
	signal.Notify(got, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2,
		syscall.SIGTERM, syscall.SIGCONT, syscall.SIGWINCH)
	go func() {
		for s := range got {
			fmt.Fprintln(f, unix.SignalName(s.(syscall.Signal))[len("SIG"):])
		}
	}()
	return nil
}
