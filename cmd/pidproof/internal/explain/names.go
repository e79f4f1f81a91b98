package explain

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"pidproof/cmd/pidproof/internal/say"
	"pidproof/cmd/pidproof/internal/shellvars"
	"pidproof/matcher"
)

// UserName is what passwd(5) calls a user, else the number.
func UserName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return strconv.Itoa(uid)
}

func groupName(gid int) string {
	if g, err := user.LookupGroupId(strconv.Itoa(gid)); err == nil {
		return g.Name
	}
	return strconv.Itoa(gid)
}

// ListensOn says what a process listens on; "" if that is nothing.
func ListensOn(p matcher.Process) string { return Listening(p.Sockets.Value) }

// Listening says it of these sockets.
func Listening(on []matcher.Socket) string {
	var words []string
	for _, s := range on {
		words = append(words, s.String())
	}
	if len(words) == 0 {
		return ""
	}
	return "listens on " + strings.Join(words, ", ")
}

// ByItsUser is the way out where the directory is that of the daemon's own user.
func ByItsUser(pidfile matcher.Pidfile, e matcher.Evidence) string {
	dir, err := os.Stat(filepath.Dir(pidfile.Path))
	if err != nil {
		return ""
	}
	owner, known := dir.Sys().(*syscall.Stat_t)
	if !known || int(owner.Uid) != e.EUID || e.EUID == os.Geteuid() {
		return ""
	}
	write := fmt.Sprintf("echo %d >%s", e.PID, shellvars.Quote(say.Printable(pidfile.Path)))
	if pidfile.ID.Known() && pidfile.Owner != e.EUID { // another's file he may only replace
		write = fmt.Sprintf("rm -f %s && %s", shellvars.Quote(say.Printable(pidfile.Path)), write)
	}
	return "; let its user write it: " + say.Command("runuser", "-u", UserName(e.EUID), "--", "sh", "-c", write)
}
