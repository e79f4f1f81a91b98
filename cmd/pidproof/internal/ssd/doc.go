// Package ssd reads the command line of start-stop-daemon(8) as dpkg 1.21.22
// does: its options, its signals and the schedules of --retry, what its exit codes mean
// (exit.go), and which processes its options match (criteria.go). It only reads: but for
// users and groups (names.go) nothing is looked up, and nothing signalled, printed or
// ended.
//
// Where a line is read differently from dpkg, that is on purpose, and
// TestAgainstDpkg lists it with the reason:
//
//   - an empty --pidfile, --exec or --name is an error: the variable that
//     should have named the process was most likely unset;
//   - a schedule that would repeat without ever waiting is an error;
//   - signals may be written with SIG before the name, and all of Linux's names
//     are known; numbers above 64 are errors;
//   - what is meant for the started program (--umask, --procsched, --chuid and so on,
//     started.go) is judged with every command, but for --notify-await without
//     --background, which dpkg 1.23 refuses.
//
// A line that dpkg would refuse is read as OpenRC's start-stop-daemon has it, where
// that is the real program: its options are known (options.go), so that they do not
// cost the proof.
package ssd
