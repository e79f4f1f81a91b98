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
	"pidproof/matcher/host"
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
func ListensOn(p *matcher.Process) string { return Listening(p.Sockets.Value) }

// Listening says it of these sockets.
func Listening(on []host.Socket) string {
	var words []string
	for _, s := range on {
		words = append(words, s.String())
	}
	if len(words) == 0 {
		return ""
	}
	return "listens on " + strings.Join(words, ", ")
}

// ByHand is the way out where adopt writes no pidfile: whoever may write it there, so that
// the process is proven by it afterwards, does. Where nobody can, the daemon is to be ended.
func ByHand(pidfile matcher.Pidfile, daemon *matcher.Process) string {
	e := daemon.Evidence
	path := shellvars.Quote(say.Printable(pidfile.Path))
	write := fmt.Sprintf("echo %d >%s", e.PID, path)
	parent := pidfile
	parent.Path = filepath.Dir(pidfile.Path)
	above, unsafe := parent.HoldDirectory()
	if unsafe == nil {
		above.Close()
	}
	dir, err := os.Stat(parent.Path)
	if err != nil {
		return ""
	}
	owner, known := dir.Sys().(*syscall.Stat_t)
	switch {
	case known && int(owner.Uid) == e.EUID && e.EUID != os.Geteuid() && pidfile.WouldVouch(e.EUID, e):
		if pidfile.ID.Known() && pidfile.Owner != e.EUID { // another's file he may only replace
			write = fmt.Sprintf("rm -f %s && %s", path, write)
		}
		return "; let its user write it: " + say.Command("runuser", "-u", UserName(e.EUID), "--", "sh", "-c", write)
	case unsafe == nil && os.Geteuid() == 0 && pidfile.WouldVouch(0, e): // -C: through no link of his
		return "; write it anew: " + say.Command("sh", "-Cc", fmt.Sprintf("rm -f %s && %s", path, write))
	}
	return fmt.Sprintf("; end it by hand, and start it anew: %s", say.Command("kill", strconv.Itoa(e.PID)))
}
