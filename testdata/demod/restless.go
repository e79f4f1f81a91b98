package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// sinceEnv is when a restless daemon was first started, in Unix seconds.
const sinceEnv = "DEMOD_SINCE"

// beRestless replaces the program by itself, again and again, from a thread that is
// not the first: the kernel then gives that thread the first one's place.
func beRestless() error {
	since, err := strconv.ParseInt(os.Getenv(sinceEnv), 10, 64)
	if err != nil {
		since = time.Now().Unix()
		if err := os.WriteFile(*pidfile, fmt.Appendln(nil, os.Getpid()), 0o644); err != nil {
			return err
		}
	}
	if time.Since(time.Unix(since, 0)) > lifetime {
		return nil
	}
	path, err := os.Executable()
	if err != nil {
		return err
	}
	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // main has the first
		_ = os.Setenv(sinceEnv, strconv.FormatInt(since, 10))
		failed <- syscall.Exec(path, os.Args, os.Environ())
	}()
	return <-failed
}
