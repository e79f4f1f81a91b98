package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// mostPatience is for all programs together; they answer in hundredths of a second.
	mostPatience = 8 * time.Second
	// mostSaid is what is kept of what one says.
	mostSaid = 1 << 20
)

// folders are where a host's own programs are; PATH is whoever asks's.
var folders = []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// program finds one; "" where there is none.
func program(name string) string {
	for _, dir := range folders {
		path := filepath.Join(dir, name)
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}

// limited takes so much and no more: whoever says more is cut off, and ends by SIGPIPE.
// It has no ReadFrom, by which io.Copy would pass over Write.
type limited struct {
	said    bytes.Buffer
	tooMuch bool
}

var errTooMuch = errors.New("it says more than anybody reads")

func (l *limited) Write(b []byte) (int, error) {
	if l.said.Len()+len(b) > mostSaid {
		l.tooMuch = true
		return 0, errTooMuch
	}
	return l.said.Write(b)
}

// run runs a program with nothing to read, and gives what it says. Whatever it started ends with it.
func run(ctx context.Context, path string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = []string{"PATH=" + strings.Join(folders, ":"), "LC_ALL=C", "HOME=/nonexistent"}
	cmd.Dir = "/"
	var out limited
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	switch {
	case out.tooMuch:
		return "", errTooMuch
	case ctx.Err() != nil:
		return "", fmt.Errorf("%s has not answered in time", path)
	case errors.Is(err, exec.ErrWaitDelay): // it left something behind that keeps our pipe
		return out.said.String(), nil
	}
	return out.said.String(), err
}
