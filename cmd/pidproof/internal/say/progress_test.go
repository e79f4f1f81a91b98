package say

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/testdata/must"
)

// A line is drawn when it says something new, and not again each time that it is asked for.
func TestProgressIsDrawnOnce(t *testing.T) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	must.Do(t, err)
	defer master.Close()
	must.Do(t, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)) // pts(4)
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	must.Do(t, err)
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	must.Do(t, err)
	defer terminal.Close()

	p := Progress{To: terminal, Begun: time.Now().Add(-time.Hour), Limit: 2 * time.Hour}
	begun := time.Now()
	for i := range 40 {
		p.Show(fmt.Sprintf("waiting for process %d", i/20))
		time.Sleep(time.Millisecond)
	}
	took := time.Since(begun)
	p.Clear()
	must.Do(t, unix.SetNonblock(int(master.Fd()), true))
	text := make([]byte, 64<<10)
	n, err := unix.Read(int(master.Fd()), text)
	if err != nil && err != io.EOF {
		t.Fatal(err)
	}
	drawn := strings.Count(string(text[:n]), "waiting for")
	if most := 1 + int(took/redrawTick); drawn < 1 || drawn > most {
		t.Errorf("drawn %d times in %v, want at most %d: %q", drawn, took, most, text[:n])
	}
}
