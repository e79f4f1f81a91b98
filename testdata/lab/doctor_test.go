package lab

import (
	"regexp"
	"strings"
	"testing"
)

// examined is what pidproof doctor says, by topic, each in one line, and the commands that it advises.
type examined struct {
	code     int
	topics   map[string]string
	remedies []string
	last     string
}

func examine(t *testing.T, h *Host, by ...string) (e examined) {
	t.Helper()
	words := append(by, "/usr/sbin/pidproof", "doctor")
	result := h.Run(t, words[0], words[1:]...)
	if result.Stderr != "" {
		t.Errorf("doctor complains: %s", result.Stderr)
	}
	e.code, e.topics = result.Code, map[string]string{}
	lines := strings.Split(strings.TrimSuffix(result.Stdout, "\n"), "\n")
	topic := ""
	for _, line := range lines[:len(lines)-1] {
		if advice, is := strings.CutPrefix(strings.TrimSpace(line), "-> "); is {
			e.remedies = append(e.remedies, advice)
		} else if len(line) > 80 {
			t.Errorf("a line of %d columns: %s", len(line), line)
		}
		if begins := strings.TrimSpace(line[:min(10, len(line))]); begins != "" {
			topic = begins
			line = line[min(10, len(line)):]
		}
		e.topics[topic] = strings.TrimSpace(e.topics[topic] + " " + strings.TrimSpace(line))
	}
	e.last = lines[len(lines)-1]
	return e
}

// doctor requires what it says of these topics, and that all others are well.
func doctor(t *testing.T, h *Host, code int, want map[string]string) examined {
	t.Helper()
	e := examine(t, h)
	e.expect(t, code, want)
	return e
}

func (e examined) expect(t *testing.T, code int, want map[string]string) {
	t.Helper()
	if e.code != code {
		t.Errorf("exit %d, want %d: %s", e.code, code, e.last)
	}
	for topic, said := range e.topics {
		wanted, is := want[topic]
		if !is {
			wanted = `^(ok: .*|n/a)$`
		}
		if !regexp.MustCompile(wanted).MatchString(said) {
			t.Errorf("%s: %s\nwant %s", topic, said, wanted)
		}
	}
	if len(e.topics) != 8 {
		t.Errorf("%d topics: %q", len(e.topics), e.topics)
	}
}

// follow runs the commands that were advised, but those of reinstalling, which ask the network, and what only shows more.
func (e examined) follow(t *testing.T, h *Host) {
	t.Helper()
	for _, command := range e.remedies {
		if !strings.Contains(command, "install") && command != "pidproof audit /etc/init.d" {
			h.Must(t, command)
		}
	}
}

const (
	installedHook = "/lib/lsb/init-functions.d/60-pidproof"
	ssd           = "/sbin/start-stop-daemon"
)

// TestDoctor begins on a host that has the program, and nothing that calls it, and does what it is told.
func TestDoctor(t *testing.T) { onBoth(t, testDoctor) }

func testDoctor(t *testing.T, d debian) {
	h := d.boot(t)
	installPidproof(t, h)
	h.Must(t, "mv "+installedHook+" /run/hook; rm -f /etc/apt/apt.conf.d/90pidproof /etc/default/pidproof; for name in start-stop-daemon "+
		"invoke-rc.d deb-systemd-invoke; do "+divert+" remove $name; done")
	fresh := doctor(t, h, 1, map[string]string{
		"hook":     "^to do: " + installedHook + " is missing: init scripts do not ask pidproof -> install pidproof, by its package or make install$",
		"wrappers": "^to do: not in place: start-stop-daemon, invoke-rc.d and deb-systemd-invoke -> sh /usr/share/pidproof/divert add start-stop-daemon -> ",
		"apt":      "^to do: apt does not call pidproof: .* -> cp /usr/share/pidproof/apt.conf /etc/apt/apt.conf.d/90pidproof$",
	})
	if fresh.last != "3 things to do." {
		t.Errorf("the last line is %q", fresh.last)
	}
	h.Must(t, "mv /run/hook "+installedHook)
	fresh.follow(t, h)
	all := doctor(t, h, 0, map[string]string{
		"hook":     "^ok: scripts that read /lib/lsb/init-functions ask pidproof, in sh \\(dash\\)(,| and) bash",
		"wrappers": "^ok: start-stop-daemon, invoke-rc.d and deb-systemd-invoke in place$",
		"apt":      "^ok: apt calls pidproof before and after dpkg$",
		"/proc":    "^ok: ours, that of a container: what runs outside is not seen$",
		"pidfds":   "^ok: Linux .* has them$",
		"scripts":  "^ok: under sysvinit, [0-9]+ scripts: ",
		"settings": "^ok: AFTER_UPGRADE=report, PIDPROOF_START=warn$",
		"held off": "^ok: nothing$",
	})
	if all.last != "All is well." {
		t.Errorf("the last line is %q", all.last)
	}
	examine(t, h, ordinary...).expect(t, 0, nil)

	for _, f := range append(append(wrapperFaults(), hookFaults()...), otherFaults()...) {
		t.Run(f.name, func(t *testing.T) { f.found(t, h) })
	}
	t.Run("a shell that hangs", func(t *testing.T) { doctorWaits(t, h) })
	t.Run("json", func(t *testing.T) {
		if said := h.Must(t, "pidproof doctor --json"); !strings.Contains(said, "\"state\": \"ok\",\n  \"findings\"") {
			t.Errorf("%s", said)
		}
	})
	doctor(t, h, 0, nil)
}

var ordinary = []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}

// fault is made on a host where all is well, found, and mended: by what doctor advises where undo is "".
type fault struct {
	name, make  string
	code        int
	topic, want string
	undo        string
	by          []string // who asks, and how
}

func (f fault) found(t *testing.T, h *Host) {
	h.Must(t, "set -e\n"+f.make)
	e := examine(t, h, f.by...)
	e.expect(t, f.code, map[string]string{f.topic: f.want})
	if f.undo == "" {
		e.follow(t, h)
	} else {
		h.Must(t, f.undo)
	}
	doctor(t, h, 0, nil)
}

const again = " -> sh /usr/share/pidproof/divert add start-stop-daemon$"

func wrapperFaults() []fault {
	real := "\n$(dpkg-divert --list start-stop-daemon >/dev/null; dpkg-divert --list | sed -n 's/.*diversion of .*start-stop-daemon to \\(.*\\) by pidproof.*/real=\\1/p')\n"
	find := "eval \"" + strings.TrimSpace(real) + "\"; path=${real%.real}; "
	const remove = "dpkg-divert --quiet --package pidproof --no-rename --remove $path; "
	wrappers := func(name, make, want, undo string) fault {
		if undo != "" {
			undo = find + undo
		}
		return fault{name: name, make: find + make, code: 1, topic: "wrappers", want: want, undo: undo}
	}
	return []fault{
		wrappers("an update overwrites the wrapper", "cp -p $real $path", "^to do: .*/start-stop-daemon is diverted, and not the wrapper: an update has overwritten it"+again, ""),
		wrappers("nothing mends it", "cp -p $real $path; mv "+divert+" /run/", "^to do: .* an update has overwritten it -> apt-get install --reinstall ./pidproof-wrappers_\\*_all.deb, where that file is$",
			"mv /run/divert "+divert+"; "+divert+" add start-stop-daemon"),
		wrappers("dpkg moves the program", "mv $real $path", "^to do: .* an update has overwritten it"+again, ""),
		wrappers("a system was being bootstrapped", "mv $path $path.REAL; printf '#!/bin/sh\\n' >$path; chmod +x $path", "^to do: .*/start-stop-daemon lies aside, as .*.REAL, as while a system is bootstrapped -> mv .*.REAL .*$", ""),
		wrappers("the diversion is removed", remove, "^to do: .*/start-stop-daemon is the wrapper, and dpkg does not know: .*"+again, ""),
		wrappers("another version's wrapper", "echo '# older' >>$path", "^to do: .* is another version's wrapper"+again, ""),
		wrappers("the wrapper is missing", "rm $path", "^to do: .*/start-stop-daemon is missing"+again, ""),
		wrappers("the program is missing", "mv $real /run/away", "^to do: .*/start-stop-daemon.real, the real program, is missing or no program -> ", "mv /run/away $real"),
		wrappers("the program cannot be executed", "chmod -x $real", "^to do: .*, is missing or no program -> ", "chmod +x $real"),
		wrappers("an administrator's diversion", remove+"mv $real $path; dpkg-divert --quiet --local --no-rename --divert /run/x $path >/dev/null",
			"^to do: .*/start-stop-daemon is diverted by an administrator -> see dpkg-divert --list",
			"for path in /sbin/start-stop-daemon /usr/sbin/start-stop-daemon; do dpkg-divert --quiet --local --no-rename --remove $path; done; "+divert+" add start-stop-daemon"),
	}
}

func hookFaults() []fault {
	const other = "/lib/lsb/init-functions.d/70-other"
	hook := func(name, make, want, undo string) fault {
		return fault{name: name, make: make, code: 1, topic: "hook", want: want, undo: undo}
	}
	keep := func(make string) (string, string) {
		return "cp -p " + installedHook + " /run/hook; " + make, "mv /run/hook " + installedHook
	}
	emptied, back := keep("echo '# nothing' >" + installedHook)
	elsewhere, _ := keep("sed -i s,/usr/sbin/pidproof,/usr/local/sbin/pidproof,g " + installedHook)
	return []fault{
		hook("the hook is empty", emptied, "^to do: .*/60-pidproof is not pidproof's any more -> ", back),
		hook("the hook calls nothing", elsewhere, "^to do: .*/60-pidproof calls /usr/local/sbin/pidproof, which is not there -> ", back),
		hook("another file undoes it", "echo 'pidofproc() { :; }' >"+other,
			"^to do: .*/60-pidproof is not read in sh \\(dash\\)(,| and) bash.*, or another file there undoes it -> see what ", "rm "+other),
		hook("undone in one shell", `echo '[ -z "${BASH_VERSION-}" ] || pidofproc() { :; }' >`+other, "^to do: .*/60-pidproof is not read in bash, or another", "rm "+other),
		hook("a hook that anybody can write", "chmod o+w "+installedHook, "^to do: .*/60-pidproof can be written by everyone", "chmod o-w "+installedHook),
		hook("another's file beside it", "touch "+other+"; chown 65534 "+other, "^to do: .*/70-other is uid 65534's", "rm "+other),
		hook("a directory in its place", "mv "+installedHook+" /run/hook; mkdir "+installedHook, "^to do: .*/60-pidproof is a directory -> ", "rmdir "+installedHook+"; "+back),
		hook("functions that lead nowhere", "mv /lib/lsb/init-functions /run/; ln -s /nowhere /lib/lsb/init-functions", "^to do: /lib/lsb/init-functions is missing, which init scripts read -> ln -sf ", ""),
		hook("no functions", "rm /lib/lsb/init-functions", "^to do: /lib/lsb/init-functions is missing, which init scripts read -> ln -sf /usr/share/pidproof/init-functions /lib/lsb/$", ""),
		hook("functions that anybody can write", "mv /run/init-functions /lib/lsb/init-functions; chmod o+w /lib/lsb/init-functions",
			"^to do: /lib/lsb/init-functions can be written by everyone", "chmod o-w /lib/lsb/init-functions"),
	}
}

func otherFaults() []fault {
	const conf, settings = "/etc/apt/apt.conf.d/90pidproof", "/etc/default/pidproof"
	const mount = "unshare --mount sh -c 'mount -t proc -o hidepid=2 proc /proc && exec \"$@\"' sh "
	apt := func(name, make, want, undo string) fault { return fault{name, make, 1, "apt", want, undo, nil} }
	set := func(name, make, want string) fault {
		return fault{name, "umask 022; " + make, 1, "settings", want, "rm " + settings, nil}
	}
	return []fault{
		apt("apt calls afterwards only", "sed -i /Pre-Invoke/d "+conf, "^to do: apt calls pidproof after dpkg only: .* -> cp ", ""),
		apt("apt calls nothing", "sed -i s,/usr/sbin/,/opt/,g "+conf, "^to do: apt calls /opt/pidproof, which is not there -> cp ", ""),
		{"apt's configuration is broken", "echo '{' >/etc/apt/apt.conf.d/99broken", 4, "apt", "^cannot tell: apt-config dump: exit status 100$", "rm /etc/apt/apt.conf.d/99broken", nil},
		set("a value that is none", "echo AFTER_UPGRADE=maybe >"+settings, "^to do: .*: AFTER_UPGRADE=maybe is none of report, restart and off; it counts as report$"),
		set("a name that is none", "echo NO=1 >"+settings, "^to do: /etc/default/pidproof:1: NO means nothing here"),
		set("a line that is none", "echo 'rm -rf /' >"+settings, "^to do: /etc/default/pidproof:1: "),
		set("settings that anybody can write", ": >"+settings+"; chmod 666 "+settings, "^to do: .* can be written by everyone"),
		{"settings for root", "umask 077; : >" + settings, 4, "settings", "^cannot tell: .*: permission denied -> ask as root$", "rm " + settings, ordinary},
		{"a script that can be mended", "umask 022; printf '%s\\n' '#!/bin/sh' DAEMON=/usr/sbin/x PIDFILE=/run/x.pid 'kill -HUP $(cat $PIDFILE)' >/etc/init.d/mendable", 1, "scripts",
			"^to do: .* [1-9][0-9]* of them by audit --patch; .* -> pidproof audit --patch /etc/init.d \\| patch -p1 -d /$", "rm /etc/init.d/mendable", nil},
		{"a script that cannot be read", "echo '#!/bin/sh' >/etc/init.d/secret; chmod 600 /etc/init.d/secret", 4, "scripts", "^cannot tell: .*/secret: permission denied -> ask as root$", "rm /etc/init.d/secret", ordinary},
		{"something is held off", "printf '%s\n' '# Held off by pidproof for echo, until \"invoke-rc.d echo start\" or \"pidproof unquiesce echo\": x' '#x' >/etc/inetd.conf", 1,
			"held off", "^to do: what could start echo is held off since it was stopped -> invoke-rc.d echo start$", "rm /etc/inetd.conf", nil},
		{"notes cannot be made", "rm -rf /run/pidproof; touch /run/pidproof", 1, "held off", "^to do: /run/pidproof is no directory: nothing can be held off -> rm /run/pidproof$", "", nil},
		{"others can make notes", "mkdir -p /run/pidproof; chmod 777 /run/pidproof", 1, "held off", "^to do: /run/pidproof can be written by everyone", "chmod 755 /run/pidproof", nil},
		{"/run is full", ":", 1, "held off", "^to do: /run is full: nothing can be held off -> ", ":", []string{"unshare", "--mount", "sh", "-c",
			"mount -t tmpfs -o size=4k tmpfs /run; head -c 4096 /dev/zero >/run/x; exec \"$@\"", "sh"}},
		{"/proc is another's", ":", 1, "/proc", "^to do: /proc is not ours: .* another PID namespace -> mount -t proc proc /proc$", ":", []string{"unshare", "--pid", "--fork"}},
		{"hidden from root", ":", 1, "/proc", "^to do: hidepid= hides processes, also from root, who lacks CAP_SYS_PTRACE here -> ", ":",
			[]string{"sh", "-c", mount + `setpriv --bounding-set=-sys_ptrace "$@"`, "sh"}},
		{"hidden from others", ":", 0, "/proc", "^ok: .*; hidepid= hides others' processes from you, not from root$", ":",
			[]string{"sh", "-c", mount + strings.Join(ordinary, " ") + ` "$@"`, "sh"}},
	}
}

// doctorWaits for a shell no longer than it is told, and takes what that has started with it.
func doctorWaits(t *testing.T, h *Host) {
	const other = "/lib/lsb/init-functions.d/70-other"
	h.Must(t, "echo 'sleep 36001' >"+other)
	result := h.Run(t, "pidproof", "doctor", "--timeout", "3s")
	if result.Code != 4 || !strings.Contains(strings.Join(strings.Fields(result.Stdout), " "), "hook cannot tell: sh (dash): /usr/bin/sh has not answered in time") {
		t.Errorf("%+v", result)
	}
	h.Must(t, "rm "+other)
	eventually(t, "nothing sleeps", func() bool { return h.Sh(t, "ps -eo args | grep -qx 'sleep 36001'").Code == 1 })
}

// On hosts without dpkg, apt and LSB's functions what does not apply is one word.
func TestDoctorElsewhere(t *testing.T) {
	t.Run("OpenRC", func(t *testing.T) {
		t.Parallel()
		h := BootOpenRC(t)
		installPidproof(t, h)
		h.Must(t, "mv /usr/bin/dpkg-divert /usr/bin/apt-config /lib/lsb/init-functions /run/")
		e := doctor(t, h, 0, map[string]string{"hook": "^n/a$", "wrappers": "^n/a$", "apt": "^n/a$", "scripts": "^ok: under openrc, "})
		if e.last != "All is well." {
			t.Errorf("the last line is %q", e.last)
		}
		h.Must(t, "mv /etc/init.d /run/; umount /run/openrc 2>/dev/null; true")
		doctor(t, h, 0, map[string]string{"scripts": "^n/a$"})
	})
	t.Run("systemd", func(t *testing.T) {
		t.Parallel()
		h := BootSystemd(t)
		installPidproof(t, h)
		h.Must(t, "rm -f /lib/lsb/init-functions.d/70-other")
		doctor(t, h, 1, map[string]string{"wrappers": "^to do: not in place", "apt": "^to do"}).follow(t, h)
		doctor(t, h, 0, map[string]string{"scripts": "^ok: under systemd, "})
	})
}
