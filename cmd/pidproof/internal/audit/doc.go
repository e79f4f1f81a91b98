// Package audit reads shell scripts, and names the places where they ask by a bare number or
// name whether a daemon runs, or signal it so. Nothing of a script is ever executed.
//
//	script.go     a file as a shell script, or why it is none
//	sections.go   the scripts inside of logrotate's files and crontabs
//	places.go     which files: directories, packages, the places of a host
//	walk.go       the walk through chains of any length
//	source.go     what a script says, and what it reads with "."
//	assigned.go   how its variables get their values
//	readers.go    what its read has to read
//	functions.go  with what its functions are called, and what is inside of one
//	words.go      what is written in a word, and behind an option
//	values.go     what a word may be
//	origins.go    where a process number comes from
//	calls.go      which command a word leads to: env, sh -c, eval, aliases
//	arguments.go  what functions and set are given, and run
//	find.go       the walk, and the kinds that are told by a command's name
//	kill.go       kill: whose the numbers are
//	proc.go       /proc/NUMBER, and what lists processes by number
//	opaque.go     commands that nobody knows before the script runs
//	pidfiles.go   what a script does to pidfiles, and where they lie
//	emptied.go    what else leaves nothing in them
//	replaceable.go  what can be replaced where it stands
//	heard.go      whose messages the script reads
//	ssd.go        start-stop-daemon's options
//	libraries.go  functions of other distributions
//	languages.go  programs of other languages
//	hidden.go     texts of other languages, other hosts, and later
//	selfmade.go   files that the script writes, and runs
//	loops.go      loops that wait
//	pattern.go    regular expressions, compiled when they are needed
//	kinds.go      the kinds: what can go wrong, and what covers it
//	exact.go      numbers that are all that one pidfile has
//	flow.go       what may be run before what
//	replace.go    what to write instead
//	held.go       numbers that are proven where they are read
//	block.go      three answers at once, in several lines
//	skeleton.go   the functions of dh_make's init script
//	whose.go      the places where the pidfile may be another's
//	patch.go      the same as a unified diff
//	write.go      the same in the file
//	report.go     all files together
//	text.go, json.go  for a person, and for a program
package audit
