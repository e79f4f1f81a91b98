// Package restart restarts registered instances that run the file of before an
// upgrade: outdated.go finds them, and why one is left alone; run.go takes one after
// another; command.go runs a restart command, with the terminal lent to it where it
// asks; comeback.go sees to it that the instance is back with the daemon's file of now.
// One run at a time: lock.go.
package restart
