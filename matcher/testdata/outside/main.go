// Outside is a program of another module that uses this one: it says whether the daemon
// runs that its first argument names, by the pidfile that its second does.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"pidproof/matcher"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	report, err := matcher.Check(ctx, matcher.Instance{Daemon: os.Args[1], Pidfile: os.Args[2], Hold: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(4)
	}
	defer report.Release()
	fmt.Println(report.Verdict)
	for _, p := range report.Living() {
		fmt.Println(p.Evidence.PID, p.Role, p.Ended())
	}
}
