package restart

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// output is what a restart command writes, on its way to a pipe of ours. A daemon may keep
// what it was started with: so it gets another pipe, or whoever reads ours, as apt and
// everything behind a `| tee` do, would wait for it until it ends.
type output struct {
	read, write *os.File
	copied      chan struct{}
}

// lastWords is how long it is waited, after a restart command has ended, for what it wrote.
const lastWords = 200 * time.Millisecond

// outputTo gives a pipe that is copied by print, and to itself where that is no pipe: a
// terminal, a file, which nobody waits for.
func outputTo(to io.Writer, print func(string)) (*output, io.Writer, error) {
	var st unix.Stat_t
	file, isFile := to.(*os.File)
	if isFile && (unix.Fstat(int(file.Fd()), &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFIFO && st.Mode&unix.S_IFMT != unix.S_IFSOCK) {
		return nil, to, nil
	}
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, err
	}
	// Who has opened a pipe for both is a reader, too (fifo(7)): what the daemon writes one day
	// does not end it by SIGPIPE.
	if both, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", ends[1]), unix.O_RDWR|unix.O_CLOEXEC, 0); err == nil {
		unix.Close(ends[1])
		ends[1] = both
	}
	_ = unix.SetNonblock(ends[0], true) // else it would not know a deadline
	o := &output{os.NewFile(uintptr(ends[0]), "pipe"), os.NewFile(uintptr(ends[1]), "pipe"), make(chan struct{})}
	go func() {
		defer close(o.copied)
		buffer := make([]byte, 4096)
		for {
			n, err := o.read.Read(buffer)
			if n > 0 {
				print(string(buffer[:n]))
			}
			if err != nil {
				return
			}
		}
	}()
	return o, o.write, nil
}

// close is for after the command: what it wrote is copied, what others write is not waited
// for. They share the description that is made not to block them when the pipe is full.
func (o *output) close() {
	if o == nil {
		return
	}
	_ = unix.SetNonblock(int(o.write.Fd()), true)
	o.write.Close()
	_ = o.read.SetReadDeadline(time.Now().Add(lastWords))
	<-o.copied
	o.read.Close()
}
