// Package stop ends processes that are held, so that a signal reaches whom it was meant
// for, or nobody: by a schedule of signals and waits (schedule.go), one daemon as LSB's
// killproc does (proven.go), or all that start-stop-daemon's options match
// (matching.go). It says what it did, and returns the exit code.
package stop
