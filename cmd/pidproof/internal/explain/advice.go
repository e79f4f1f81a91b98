package explain

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"pidproof/cmd/pidproof/internal/say"
	"pidproof/matcher"
)

// advice is one safe next step for a person, in plain words; doubt is why what runs unclaimed
// may be another instance's.
func advice(r matcher.Report, doubt error) string {
	next := adviceByVerdict(r, doubt)
	if ignored := pids(r.Blocking()); len(ignored) > 0 && r.Verdict != matcher.Unclaimed && r.Verdict != matcher.Unknown {
		next += fmt.Sprintf(" No pidfile accounts for %s, though: look at them (ps -fp %s).", strings.Join(ignored, " "), strings.Join(ignored, ","))
	}
	return next
}

func pids(of []*matcher.Process) []string {
	var out []string
	for _, p := range of {
		out = append(out, strconv.Itoa(p.Evidence.PID))
	}
	return out
}

func adviceByVerdict(r matcher.Report, doubt error) string {
	switch r.Verdict {
	case matcher.Running:
		if r.Main.Decision.File.Outdated() {
			return "It still runs the file of before the upgrade. Restart this instance when it suits you; it is safe to stop through its pidfile."
		}
		return "Nothing. It is safe to stop or restart through its pidfile."
	case matcher.Dead:
		return "It is safe to start. If the daemon refuses because of the stale pidfile, remove it (" + say.Command("rm", r.Pidfile.Path) + ")."
	case matcher.NotRunning:
		if r.Daemon.Label() {
			return "Give the path of the daemon's executable, too, to see whether one runs without this pidfile. If none does, it is safe to start."
		}
		if len(r.WithRole(matcher.RoleOther)) > 0 {
			return "It is safe to start this instance, if it shares neither port nor data with those that run. If you meant one of them, ask with -p and its pidfile."
		}
		return "It is safe to start."
	case matcher.Unclaimed:
		return adviceUnclaimed(r, doubt)
	}
	return adviceUnknown(r, doubt)
}

func adviceUnclaimed(r matcher.Report, doubt error) string {
	var sentences []string
	if main, _ := r.Adoptable(); main != nil && main.Role == matcher.RoleLeftover {
		return fmt.Sprintf("%d: started by process %d, which has ended, when the pidfile was written. Look at it (ps -fp %d). If it is the daemon itself, which has forked twice, %s. If it is a worker whose daemon has ended, end it (kill %d).",
			main.Evidence.PID, r.Pidfile.PID, main.Evidence.PID, cmp.Or(adoption(r, doubt), "end it and start it again"), main.Evidence.PID)
	}
	if left := pids(r.WithRole(matcher.RoleLeftover)); len(left) > 0 {
		sentences = append(sentences, fmt.Sprintf("%s: started by this instance's main process %d, which has ended. Look at them (ps -fp %s); once nothing needs them, end them (kill %s; with -9 those that stay) and start the instance.",
			strings.Join(left, " "), r.Pidfile.PID, strings.Join(left, ","), strings.Join(left, " ")))
	}
	if unclaimed := pids(r.WithRole(matcher.RoleUnclaimed)); len(unclaimed) > 0 {
		remedy := cmp.Or(adoption(r, doubt), "end them by hand and start it again")
		sentences = append(sentences, fmt.Sprintf("%s: look at them (ps -fp %s). If they belong to an instance whose pidfile lies outside /run, ask again with that pidfile, or register it. If they are this one's and its pidfile is lost or wrong, %s.",
			strings.Join(unclaimed, " "), strings.Join(unclaimed, ","), remedy))
		if noneListens(r.Blocking()) {
			sentences = append(sentences, "None of them listens: they may be sessions or jobs that outlive their daemon by design (sshd, cron). Then leave them alone, and ask with --unclaimed=listening.")
		}
	}
	return strings.Join(sentences, " ")
}

// adoption is how the pidfile is mended, if adopt finds what to write there, and
// somewhere to.
func adoption(r matcher.Report, doubt error) string {
	main, _ := r.Adoptable()
	if main == nil || r.Pidfile.Path == "" {
		return ""
	}
	if doubt != nil { // adopt refuses it, likewise
		return fmt.Sprintf("see first whose it is: %v", doubt)
	}
	dir, err := r.Pidfile.HoldDirectory()
	if err != nil {
		return strings.TrimPrefix(ByHand(r.Pidfile, main), "; ")
	}
	dir.Close()
	if err := r.Pidfile.Adopts(main.Evidence); err != nil {
		return err.Error()
	}
	return say.Command("pidproof", "adopt", "-p", r.Pidfile.Path, r.Daemon.Path) + " mends that"
}

func noneListens(of []*matcher.Process) bool {
	for _, p := range of {
		if !p.Sockets.Known() || len(p.Sockets.Value) > 0 {
			return false
		}
	}
	return true
}

func adviceUnknown(r matcher.Report, doubt error) string {
	pid := r.Pidfile.PID
	switch r.Rule {
	case "unusable":
		if asRoot(r.Pidfile.Path) {
			return "Ask again as root."
		}
		return "Look at what lies there (" + say.Command("ls", "-ld", r.Pidfile.Path) + "). Touch nothing until it is a readable, regular file."
	case "several":
		return "See which instance is meant, and name its pidfile with -p."
	case "untrusted":
		return fmt.Sprintf("Find out who wrote it (%s). If process %d is the daemon (ps -fp %d), correct the pidfile's owner and mode, then ask again.", say.Command("ls", "-l", r.Pidfile.Path), pid, pid)
	case "contested":
		return fmt.Sprintf("Two pidfiles speak for process %d. See whose it is (ps -fp %d), remove the wrong pidfile, then ask again.", pid, pid)
	case "wrapper":
		return fmt.Sprintf("See which of its children is meant (ps -f --ppid %d), and write that number into %s.", pid, r.Pidfile.Path)
	case "late", "contradicted", "criteria", "script", "same-file", "replaced":
		return fmt.Sprintf("See whether process %d is this daemon: ps -fp %d. Only then end it by hand.", pid, pid)
	case "deadline":
		return "Something it had to read does not answer; a hung file system is likely. Try ls on the daemon's and the pidfile's directory."
	case "not-our-proc":
		return "Mount /proc of this PID namespace: mount -t proc proc /proc."
	}
	if r.Daemon.Unread != nil {
		return "Touch nothing. Root may not read the daemon's file here (" + say.Command("ls", "-l", r.Daemon.Path) + "): ask where it may, on the container's host or the file's server."
	}
	if main, _ := r.Adoptable(); main != nil {
		return fmt.Sprintf("See whether process %d is this daemon: ps -fp %d. If it is, and its pidfile is lost or wrong, %s.",
			main.Evidence.PID, main.Evidence.PID, cmp.Or(adoption(r, doubt), "end it by hand and start it again"))
	}
	if seen := pids(seenUnclear(r)); len(seen) > 0 {
		list := strings.Join(seen, ",")
		return fmt.Sprintf("See whether this daemon is among %s: ps -fp %s. Only then end it by hand.", strings.Join(seen, " "), list)
	}
	if r.Main != nil && r.Main.Evidence.AsRoot {
		return "Touch nothing. Ask from where root has CAP_SYS_PTRACE: the container's host, or a container started with it."
	}
	return "Ask again as root; touch nothing until the answer is clear."
}

// readable is R_OK of access(2).
const readable = 4

// asRoot reports that root may read a pidfile that we may not. More rights make no file of a
// FIFO.
func asRoot(pidfile string) bool {
	if os.Geteuid() == 0 {
		return false
	}
	st, err := os.Stat(pidfile)
	if err != nil {
		return errors.Is(err, fs.ErrPermission)
	}
	return st.Mode().IsRegular() && syscall.Access(pidfile, readable) == syscall.EACCES
}

// seenUnclear are the processes that may run the daemon though what they run
// could be read: more rights show no more of them.
func seenUnclear(r matcher.Report) []*matcher.Process {
	return slices.DeleteFunc(r.WithRole(matcher.RoleUnclear), func(p *matcher.Process) bool {
		return !p.Evidence.Exe.Known()
	})
}
