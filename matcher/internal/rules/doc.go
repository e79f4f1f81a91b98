// Package rules decides, from facts alone, whether a process is the daemon and whose it is: it reads nothing, has no
// clock, and says which further facts it needs.
package rules
