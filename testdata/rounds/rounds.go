// Package rounds says how often a test tries what happens only now and then: a few
// hundred times in `make test`, many thousand times in `make attack`.
package rounds

import "os"

// Env asks for the long runs when it is set to anything.
const Env = "PIDPROOF_ATTACK"

// Long reports that the long runs are asked for.
func Long() bool { return os.Getenv(Env) != "" }

// Of is how many rounds a test goes.
func Of(short, long int) int {
	if Long() {
		return long
	}
	return short
}
