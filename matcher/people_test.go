package matcher

import "testing"

// People begin at UID_MIN, login.defs(5).
func TestFirstPerson(t *testing.T) {
	for _, c := range []struct {
		content string
		want    int // 0: an error
	}{
		{"", 1000},
		{"# UID_MIN 7\nMAIL_DIR\t/var/mail\nUID_MIN\t\t\t 500\nSYS_UID_MIN 100\nUID_MAX 60000\n", 500},
		{"UID_MIN 500\nUID_MIN 2000", 2000},
		{"UID_MIN \"0x200\"\n", 512},
		{"UID_MIN\nUID_MINI 3\n", 1000},
		{"UID_MIN many\n", 0},
		{"UID_MIN -1\n", 0},
		{"UID_MIN 9999999999\n", 0},
	} {
		if got, err := uidMin([]byte(c.content)); got != c.want || (err != nil) != (c.want == 0) {
			t.Errorf("%q: %d, %v, want %d", c.content, got, err, c.want)
		}
	}
}
