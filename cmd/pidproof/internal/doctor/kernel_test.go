package doctor

import "testing"

// pidfd_open(2) came with Linux 5.3. A release that cannot be read is no reason to say that it lacks them.
func TestOlder(t *testing.T) {
	for release, want := range map[string]bool{
		"4.19.0-27-amd64": true, "5.2.21": true, "5.3": false, "5.3.0-rc1": false, "5.10.0-30-cloud-amd64": false,
		"6.18.44-fc-v769": false, "10.0": false, "3.10.0-1160.el7.x86_64": true, "": false, "x.y": false,
	} {
		if got := older(release, 5, 3); got != want {
			t.Errorf("%q is older than 5.3: %v, want %v", release, got, want)
		}
	}
}
