package main

import (
	"fmt"
	"net"
	"os"
	"time"
)

// beWorker ends by the default action of TERM.
func beWorker() error {
	if *listen != "" {
		l, err := net.FileListener(os.NewFile(3, "socket"))
		if err != nil {
			return err
		}
		go serve(l)
	}
	time.Sleep(lifetime)
	return nil
}

// openSocket returns the socket as the workers inherit it; without workers, the main process answers.
func openSocket() (*os.File, error) {
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return nil, err
	}
	if *workers == 0 {
		go serve(l)
	}
	return l.(*net.TCPListener).File()
}

// serve tells every client which PID answered.
func serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		fmt.Fprintln(c, os.Getpid())
		c.Close()
	}
}
