package doctor

import (
	"context"
	"os"
	"strings"

	"pidproof/cmd/pidproof/internal/audit"
	"pidproof/cmd/pidproof/internal/ondemand"
	"pidproof/cmd/pidproof/internal/say"
)

const initScripts = "/etc/init.d"

// scripts is what init scripts decide, and neither hook nor wrapper sees.
func scripts(_ context.Context, f *Finding) {
	manager, err := ondemand.Manager()
	if err != nil {
		f.failed(err)
		return
	}
	if st, err := os.Stat(initScripts); err != nil || !st.IsDir() {
		f.State = NotHere
		return
	}
	report := audit.Audit(audit.Meant([]string{initScripts}))
	summary := strings.TrimSuffix(report.Summary(), ".")
	if manager != "none" && (manager != "sysvinit" || initRuns()) { // a chroot, a container, or /proc does not say it to this user
		summary = "under " + manager + ", " + summary
	}
	switch {
	case len(report.Patches) > 0:
		f.add(ToDo, summary, mend()...)
	case len(report.Open()) > 0: // an init system's own scripts end everything by killall5(8), at shutdown
		f.add(Well, summary+": see "+say.Command("pidproof", "audit", initScripts))
	case report.Files > 0:
		f.add(Well, summary)
	case len(report.Unread) == 0:
		f.State = NotHere
	}
	for _, err := range report.Unread {
		f.failed(err)
	}
}

// initRuns reports that the first process is an init, and no program that a container was made for.
func initRuns() bool {
	comm, err := os.ReadFile("/proc/1/comm")
	return err == nil && strings.HasSuffix(strings.TrimSpace(string(comm)), "init")
}

// mend are the commands; Debian installs patch(1) on request.
func mend() (commands []string) {
	if program("patch") == "" && program("apt-get") != "" {
		commands = append(commands, say.Command("apt-get", "install", "patch"))
	}
	return append(commands, say.Command("pidproof", "audit", "--patch", initScripts)+" | "+say.Command("patch", "-p1", "-d", "/"))
}
