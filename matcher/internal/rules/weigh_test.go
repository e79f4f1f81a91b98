package rules

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

// What one user's process does not tell must not make root's answer unknown: whoever has too many descriptors open to be
// looked through counts as if he listened, as he could.
func TestWeighManyDescriptors(t *testing.T) {
	for _, test := range []struct {
		sockets fact.Fact[[]fact.Socket]
		want    Weight
	}{
		{fact.Of([]fact.Socket(nil)), Free},
		{fact.Of([]fact.Socket{{Kind: "tcp"}}), Blocked},
		{fact.Failed[[]fact.Socket](fact.ErrManyDescriptors), Blocked},
		{fact.Failed[[]fact.Socket](unix.ESRCH), Doubtful}, // whether it has ended is not for the rules to say
		{fact.Failed[[]fact.Socket](errors.New("input/output error")), Doubtful},
	} {
		others := []Other{{PID: 7, Role: RoleUnclaimed, Sockets: test.sockets}}
		if got, words := Weigh(others, Daemon{File: fact.Of(fact.FileID{})}, true, ""); got != test.want {
			t.Errorf("%+v: %v (%s), want %v", test.sockets, got, words, test.want)
		}
	}
}
