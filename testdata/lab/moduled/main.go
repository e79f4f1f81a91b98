// Moduled is a service made of two modules, which must be of one version. It loads the first when it starts, as
// programs do with libraries, and the second for each client, as with plug-ins. It tells every client its PID and both
// versions.
//
// It takes its socket as systemd gives it (sd_listen_fds(3), also with Accept=yes) or as inetd does (inetd(8), nowait),
// else it opens one, else it only runs.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// lifetime bounds what a test run that was itself killed leaves behind.
const lifetime = 20 * time.Minute

func main() {
	listen := flag.String("listen", "", "answer on this TCP `address`")
	inetd := flag.Bool("inetd", false, "the client is on standard input")
	folder := flag.String("modules", "", "the `folder` with the files first and second")
	flag.Parse()
	if err := run(*listen, *inetd, *folder); err != nil {
		fmt.Fprintln(os.Stderr, "moduled:", err)
		os.Exit(1)
	}
}

func run(listen string, inetd bool, folder string) error {
	first, err := load(folder, "first")
	if err != nil {
		return err
	}
	talk := func(client net.Conn) error { return talk(client, first, folder) }
	time.AfterFunc(lifetime, func() { os.Exit(1) })
	switch {
	case inetd:
		return serve(os.Stdin, talk)
	case os.Getenv("LISTEN_PID") == strconv.Itoa(os.Getpid()):
		return serveAll(os.Getenv("LISTEN_FDS"), talk)
	case listen != "":
		l, err := net.Listen("tcp", listen)
		if err != nil {
			return err
		}
		return accept(l, talk)
	}
	select {}
}

func load(folder, module string) (string, error) {
	version, err := os.ReadFile(filepath.Join(folder, module))
	return strings.TrimSpace(string(version)), err
}

// serveAll serves what systemd has passed: several sockets, if several units are about this service.
func serveAll(count string, talk func(net.Conn) error) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return fmt.Errorf("LISTEN_FDS: %w", err)
	}
	failed := make(chan error)
	for fd := 3; fd < 3+n; fd++ {
		go func() { failed <- serve(os.NewFile(uintptr(fd), "socket"), talk) }()
	}
	return <-failed
}

// serve serves the clients of a listening socket, or the one of a connected socket. socket(7)
func serve(socket *os.File, talk func(net.Conn) error) error {
	listens, err := unix.GetsockoptInt(int(socket.Fd()), unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil {
		return err
	}
	if listens == 0 {
		client, err := net.FileConn(socket)
		if err != nil {
			return err
		}
		return talk(client)
	}
	l, err := net.FileListener(socket)
	if err != nil {
		return err
	}
	return accept(l, talk)
}

func accept(l net.Listener, talk func(net.Conn) error) error {
	for {
		client, err := l.Accept()
		if err != nil {
			return err
		}
		go func() { _ = talk(client) }() // a client may go when it likes
	}
}

// talk ends when the client has no more to say.
func talk(client net.Conn, first, folder string) error {
	defer client.Close()
	second, err := load(folder, "second")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(client, os.Getpid(), first, second)
	_, rest := io.Copy(io.Discard, client)
	return errors.Join(err, rest)
}
