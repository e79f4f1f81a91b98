package kernel

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"pidproof/testdata/must"
)

// Who keeps root's look from coming back is left behind, and nobody else is missed.
func TestStuckProcessesAreLeftBehind(t *testing.T) {
	h := &System{Proc: t.TempDir()}
	var want []int
	stuck := []int{3, 40, 41, 999, 1000}
	for pid := 2; pid <= 1000; pid++ {
		must.Do(t, os.Mkdir(filepath.Join(h.Proc, strconv.Itoa(pid)), 0o755))
		if pid%2 == 1 && !slices.Contains(stuck, pid) && pid != os.Getpid() {
			want = append(want, pid)
		}
	}
	release := make(chan struct{})
	defer close(release)
	all, err := h.Among(func(_, pid int) (bool, error) {
		if slices.Contains(stuck, pid) {
			<-release
		}
		return pid%2 == 1, nil
	})
	must.Do(t, err)
	if !slices.Equal(all.Pids, want) || !slices.Equal(all.Stuck, stuck) {
		t.Errorf("got %v and %v stuck; want %v and %v", all.Pids, all.Stuck, want, stuck)
	}
}

// Nor has a user as many accounts as subordinate user IDs, and none of them counts against the system's users.
func TestSilenceOfSubordinateUsers(t *testing.T) {
	if AccountOf(100_000) != AccountOf(165_535) {
		t.Error("each subordinate user ID has an account of its own")
	}
	for _, user := range []int{0, 33, 1000, 60_000, 65_534} {
		if AccountOf(user) != user {
			t.Errorf("user %d shares an account", user)
		}
	}
}

// One user's processes that do not answer make root wait a few times, not once for each.
func TestSilenceOfOneUser(t *testing.T) {
	h := ThisSystem()
	if tries := h.argvTries(os.Getpid()); tries != argvTries {
		t.Errorf("at first it is looked %d times, want %d", tries, argvTries)
	}
	h.Untold(os.Getppid())
	if tries := h.argvTries(os.Getppid()); tries != 0 {
		t.Errorf("who did not answer is asked again, %d times", tries)
	}
	if tries := h.argvTries(os.Getpid()); tries == 0 || tries == argvTries {
		t.Errorf("another of this user is looked at %d times", tries)
	}
	for range untoldLimit {
		h.Untold(os.Getppid())
	}
	if tries := h.argvTries(os.Getpid()); tries != 0 {
		t.Errorf("after %d of this user it is still looked %d times", untoldLimit+1, tries)
	}
	if tries := h.argvTries(1); os.Getuid() != 0 && tries == 0 {
		t.Error("another user's is not looked at any more")
	}
}
