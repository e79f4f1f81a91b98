// Package attack holds the tests in which somebody wants pidproof to say the wrong thing, to signal the wrong process, or
// to hang: an ordinary user, a container, a daemon that was taken over, or a host that is merely busy. `make test` tries
// each a few times, `make attack` some thousand times, and writes docs/threat-model.md's table of what was tried.
//
// Each test runs on a host of its own: a PID and a mount namespace (host_test.go). Each has a control, which shows that
// the attack is real: what init scripts do without pidproof fails in it.
package attack
