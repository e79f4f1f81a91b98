// Package kernel reads what /proc, pidfds, inotify, mounts, locks and sockets say of processes, as facts: it knows no
// daemon, no pidfile and no rule.
package kernel
