package kernel

import (
	"os"
	"testing"

	"pidproof/matcher/internal/fact"
	"pidproof/testdata/must"
)

// Of our own user namespace status is read, however many long ones others have. What is told of others without it is what
// it says.
func TestStatusWithoutGroups(t *testing.T) {
	h := ThisSystem()
	must.Do(t, h.Open())
	if place := h.userNamespaceOf(os.Getpid()); place != fact.SamePlace {
		t.Errorf("we are in another user namespace than ourselves: %v", place)
	}
	whole, err := h.ReadStatus(os.Getpid())
	must.Do(t, err)
	h.longStatuses.Store(longStatusesRead)
	again, err := h.ReadStatus(os.Getpid())
	must.Do(t, err)
	if whole != again || whole.TGID != os.Getpid() {
		t.Errorf("read %+v, and beside long ones %+v", whole, again)
	}
	short, ok := h.shortStatus(os.Getpid())
	if whole.TGID = 0; !ok || short != whole {
		t.Errorf("without it we are %+v, want %+v", short, whole)
	}
	if _, ok := h.shortStatus(1 << 30); ok {
		t.Error("nobody has a status")
	}
}
