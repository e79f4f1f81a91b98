// Argvd is a daemon with a strange argv: it writes a title over it, or lets everybody wait who reads it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
	"unsafe"
)

var (
	pidfile = flag.String("pidfile", "", "write the PID to this `file` when ready")
	title   = flag.String("title", "", "write this `text` over the arguments, as setproctitle(3) does")
	silent  = flag.String("silent", "", "let who reads the arguments wait for ever, with the help of this dead `file`")
	dead    = flag.String("dead", "", "be no daemon, but the server of this dead `file`")
)

// lifetime bounds what a run that was itself killed leaves behind.
const lifetime = 20 * time.Minute

func main() {
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "argvd: %v\n", err)
		os.Exit(1)
	}
}

func run() error {
	if *dead != "" {
		return serveDeadFile(*dead)
	}
	if *pidfile == "" {
		return errors.New("wants a pidfile")
	}
	// Flags are parts of the arguments.
	name, newName := strings.Clone(*pidfile), *pidfile+".new"
	if *title != "" {
		overwrite(strings.Clone(*title))
	}
	if err := os.WriteFile(newName, fmt.Appendln(nil, os.Getpid()), 0o644); err != nil {
		return err
	}
	if err := os.Rename(newName, name); err != nil {
		return err
	}
	if *silent != "" {
		if err := fallSilent(*silent); err != nil {
			return err
		}
	}
	time.Sleep(lifetime)
	return nil
}

// overwrite puts the text where the kernel put the arguments: Go's strings of them lie there, one behind the other.
func overwrite(text string) {
	first, last := os.Args[0], os.Args[len(os.Args)-1]
	begin := unsafe.StringData(first)
	size := uintptr(unsafe.Pointer(unsafe.StringData(last))) - uintptr(unsafe.Pointer(begin)) + uintptr(len(last))
	arguments := unsafe.Slice(begin, size)
	clear(arguments)
	copy(arguments, text)
}
