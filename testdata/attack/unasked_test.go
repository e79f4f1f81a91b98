package attack

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"pidproof/testdata/rounds"
)

// Who names no pidfile means the one that names the daemon, but none in a directory of everyone's, nor one below a directory
// that somebody has made there.
func TestUnaskedPidfile(t *testing.T) {
	onHost(t, func(t *testing.T) {
		const crond, absent, rootsFile = "/srv/sbin/crond", "/srv/sbin/absentd", "/run/cron.pid"
		copyFile(t, daemon, crond)
		copyFile(t, daemon, absent)
		h := startDaemon(t, crond, rootsFile)
		pid := strconv.Itoa(h.pid()) + "\n"
		tried := 0
		for _, dir := range []string{"/run/lock", "/run/lock/mine", "/run/lock/mine/deeper"} {
			if dir != "/run/lock" {
				must(t, os.Mkdir(dir, 0o755))
				must(t, os.Chown(dir, nobody, nobody))
			}
			tooDeep := strings.HasSuffix(dir, "deeper")
			var users []process
			for _, daemon := range []string{crond, absent} {
				p := process{Cmd: asUser(daemon, "-p", dir+"/"+strconv.Itoa(len(users))+".pid")}
				must(t, p.Start())
				t.Cleanup(p.end)
				until(t, "its pidfile is written", func() bool {
					_, err := os.Stat(dir + "/" + strconv.Itoa(len(users)) + ".pid")
					return err == nil
				})
				users = append(users, p)
			}
			for range rounds.Of(1, 50) {
				for _, q := range []question{
					{[]string{"check", crond}, "0", ""},
					{[]string{"status", crond}, "0", ""},
					{[]string{"pidofproc", crond}, "0", pid},
					{[]string{"killproc", crond, "HUP"}, "0", ""},
					{[]string{"check", absent}, map[bool]string{false: "3", true: "150"}[tooDeep], ""}, // where nobody looks for pidfiles, it has none
					{[]string{"killproc", absent}, "0", ""},                                            // nothing is there to be ended
					{[]string{"killproc", absent, "HUP"}, "3", ""},
				} {
					ask(t, q.args...).fits(t, "beside a user's pidfile in "+dir, q.exit)
					tried++
				}
			}
			for _, p := range users {
				if !runs(p.pid()) {
					t.Errorf("%d of %q was ended", p.pid(), p.Args)
				}
				p.end()
			}
			_ = os.Remove(dir + "/0.pid")
			_ = os.Remove(dir + "/1.pid")
		}
		rounds.Held(t, tried)
	})
}
