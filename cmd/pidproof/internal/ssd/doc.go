// Package ssd reads the command line of start-stop-daemon(8) as dpkg 1.21.22
// does: its options, its signals and the schedules of --retry, what its exit codes mean
// (exit.go), and which processes its options match (criteria.go). It only reads: but for
// the number of a user nothing is looked up, and nothing signalled, printed or ended.
//
// Where a line is read differently from dpkg, that is on purpose, and
// TestAgainstDpkg lists it with the reason:
//
//   - an empty --pidfile, --exec, --name or --user is an error: the variable
//     that should have named the process was most likely unset;
//   - a schedule that would repeat without ever waiting is an error;
//   - signals may be written with SIG before the name, and all of Linux's names
//     are known; numbers above 64 are errors;
//   - what is meant for the started program alone (--umask, --procsched, --output
//     and so on) is not judged: --start leaves that to the real program.
package ssd
