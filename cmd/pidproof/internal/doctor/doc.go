// Package doctor looks whether pidproof is at work on this host: whether init scripts, dpkg's
// programs and apt come by it, whether the kernel shows what it needs, and what is left to
// whoever keeps the host, with a remedy each. It changes nothing.
//
//	examine.go    all questions at once, under one deadline
//	finding.go    what is found, and what helps
//	hook.go       do shells that read /lib/lsb/init-functions have pidproof's functions?
//	wrappers.go   do the wrappers stand before dpkg's programs, whole?
//	apt.go        does apt call us?
//	kernel.go     is /proc ours, are there pidfds?
//	scripts.go    what do the init scripts decide by a bare number or name?
//	settings.go   is /etc/default/pidproof what it should be?
//	held.go       is anything held off now?
//	program.go    other programs, which get only so much time, and may say only so much
//	text.go, json.go  for a person, and for a program
package doctor
