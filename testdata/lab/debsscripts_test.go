package lab

import (
	"fmt"
	"hash/fnv"
	"strings"
	"testing"
)

// packaged is a host to which our packages come and go. Each test leaves it as it was.
type packaged struct {
	*Host
	plain string // what there is without them
}

func bootPackaged(t *testing.T) packaged {
	t.Helper()
	h := bootTrixie(t) // to look through its files, and for its dpkg to look through its own, takes a tenth
	bringDebs(t, h)
	return packaged{h, h.Must(t, tree)}
}

// TestDebs: whatever is done with the packages, and whatever stands in their way, the host has all of them or nothing, and
// purged they leave nothing.
func TestDebs(t *testing.T) {
	t.Parallel()
	p := bootPackaged(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"installed, upgraded, downgraded", p.cameAndWent},
		{"another has diverted it", p.divertedByAnother},
		{"another architecture", p.otherArchitecture},
		{"held off", p.heldOff},
		{"an unreadable hold", p.cannotRestore},
		{"upgrade fails", p.failedUpgrade},
		{"a read-only /usr", p.readOnly},
		{"another root", p.otherRoot},
		{"dpkg moves the program", p.movedProgram},
		{"while a system is made", p.bootstrapped},
		{"a conffile was removed", p.lostConffile},
		{"autopkgtests", p.autopkgtests},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.run(t)
			p.Must(t, "dpkg --purge pidproof-wrappers pidproof 2>&1")
			requireSame(t, test.name, p.plain, p.Must(t, tree))
		})
	}
}

// install requires that the packages are installed, and the wrappers in place.
func (p packaged) install(t *testing.T) {
	t.Helper()
	p.Must(t, "dpkg --install "+debsOf("")+" 2>&1")
	wrappers(t, p.Host, true)
}

// refuses requires that dpkg fails for a reason, and that nothing has changed.
func (p packaged) refuses(t *testing.T, command, why string) {
	t.Helper()
	state := tree + "; dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\n' 'pidproof*' 2>/dev/null | grep -v not-installed; :"
	before := p.Must(t, state)
	result := p.Sh(t, "exec 2>&1; "+command)
	if result.Code == 0 || !strings.Contains(result.Stdout, why) {
		t.Errorf("%s: exit %d, want a failure, and %q:\n%s", command, result.Code, why, result.Stdout)
	}
	requireSame(t, command, before, p.Must(t, state))
}

// lostConffile: doctor advised to copy a file that only an installation from the sources has, and then what apt-get cannot
// download.
func (p packaged) lostConffile(t *testing.T) {
	const conf = "/etc/apt/apt.conf.d/90pidproof"
	p.install(t)
	p.Must(t, "rm "+conf)
	said := p.Sh(t, "pidproof doctor --json")
	const want = "apt-get install --reinstall -o Dpkg::Options::=--force-confmiss ./pidproof_*_$(dpkg --print-architecture).deb"
	if said.Code != 1 || !strings.Contains(said.Stdout, want+", where that file is") {
		t.Errorf("doctor does not advise %q: %+v", want, said)
	}
	p.Must(t, "mkdir /run/dist && cd /run/dist && "+`cp /var/cache/pidproof-debs/pidproof.deb pidproof_1.0_$(dpkg --print-architecture).deb && `+
		"DEBIAN_FRONTEND=noninteractive "+strings.Replace(want, "install", "install -y -q", 1)+" 2>&1 && test -e "+conf)
}

func (p packaged) cameAndWent(t *testing.T) {
	p.install(t)
	installed := p.Must(t, tree)
	p.install(t)
	requireSame(t, "installed once more", installed, p.Must(t, tree))
	newer := func(want string) {
		t.Helper()
		wrappers(t, p.Host, true)
		for _, name := range []string{"start-stop-daemon", "invoke-rc.d", "deb-systemd-invoke"} {
			if last := p.Must(t, "tail -n 1 $(command -v "+name+")"); (last == "# newer\n") != (want == "newer") {
				t.Errorf("the %s wrapper ends with %q, want the %s one", name, last, want)
			}
		}
	}
	newer("older")
	p.Must(t, "dpkg --install "+debsOf("newer-"))
	newer("newer")
	p.Must(t, "dpkg --install "+debsOf(""))
	newer("older")
	requireSame(t, "upgraded, and downgraded", installed, p.Must(t, tree))
	p.Must(t, "dpkg --remove pidproof-wrappers")
	wrappers(t, p.Host, false)
	p.install(t)
}

func (p packaged) divertedByAnother(t *testing.T) {
	p.Must(t, "dpkg --install "+debsOf("pidproof.deb #"))
	path := strings.TrimSpace(p.Must(t, "command -v invoke-rc.d"))
	for _, by := range []string{"--local", "--package other"} {
		change := "dpkg-divert --quiet --no-rename --divert " + path + ".other " + by
		p.Must(t, change+" --add "+path)
		p.refuses(t, "dpkg --install "+debsOf(""), "is diverted already, to "+path+".other")
		p.Must(t, change+" --remove "+path)
	}
	p.afterwards(t)
	p.Must(t, fmt.Sprintf("cp %[1]s %[1]s.real", path))
	p.refuses(t, "dpkg --install "+debsOf(""), path+".real exists, and is not ours")
	p.Must(t, "rm "+path+".real")
}

// afterwards: another name of the place where our wrapper is may be diverted later; two of three wrappers were taken away
// then, and the third refused.
func (p packaged) afterwards(t *testing.T) {
	t.Helper()
	p.install(t)
	const change = "dpkg-divert --quiet --local --no-rename --divert /sbin/start-stop-daemon.mine "
	p.Must(t, change+"--add /sbin/start-stop-daemon && dpkg --install "+debsOf("newer-")+" 2>&1")
	wrappers(t, p.Host, true)
	p.Must(t, "dpkg --purge pidproof-wrappers 2>&1 && "+change+"--remove /sbin/start-stop-daemon")
	wrappers(t, p.Host, false)
	p.Must(t, "dpkg --install "+debsOf("pidproof.deb #"))
}

// otherArchitecture: two of them at once, and one that the host may not be able to execute.
func (p packaged) otherArchitecture(t *testing.T) {
	p.Must(t, `cd /var/cache/pidproof-debs && dpkg-deb -R pidproof.deb tree && sed -i 's/^Architecture: .*/Architecture: s390x/' tree/DEBIAN/control &&
		dpkg-deb --root-owner-group -Znone -b tree foreign.deb && rm -r tree && dpkg --add-architecture s390x`)
	defer p.Must(t, "dpkg --remove-architecture s390x")
	const foreign = "dpkg --install /var/cache/pidproof-debs/foreign.deb"
	p.refuses(t, foreign, "this package is for s390x")
	p.install(t)
	p.refuses(t, foreign, "this package is for s390x")
	wrappers(t, p.Host, true)
}

// heldOff: what is held off is restored before the last goes who could.
func (p packaged) heldOff(t *testing.T) {
	p.install(t)
	const line = "modd stream tcp nowait root /usr/local/sbin/otherd otherd\n"
	sum := fnv.New32a()
	sum.Write([]byte(strings.TrimSuffix(line, "\n")))
	p.Must(t, fmt.Sprintf(`cat >/etc/inetd.conf <<'END'
# Held off by pidproof for modd, until "invoke-rc.d modd start" or "pidproof unquiesce modd": modd stream tcp (%08x)
#<off># %sEND`, sum.Sum32(), line))
	said := p.Must(t, "dpkg --remove pidproof-wrappers")
	if !strings.Contains(said, "modd: restored: /etc/inetd.conf\n") || strings.Contains(said, "Nothing is held off") {
		t.Errorf("dpkg --remove says %s", said)
	}
	if now := p.Must(t, "cat /etc/inetd.conf; rm /etc/inetd.conf"); now != line {
		t.Errorf("/etc/inetd.conf is\n%s", now)
	}
}

// cannotRestore: then nothing goes.
func (p packaged) cannotRestore(t *testing.T) {
	p.install(t)
	p.Must(t, "mkdir -p /run/pidproof/quiesced && echo nonsense >/run/pidproof/quiesced/foo")
	for _, name := range []string{"pidproof-wrappers", "pidproof-wrappers pidproof"} {
		result := p.Sh(t, "exec 2>&1; dpkg --remove "+name)
		if result.Code == 0 || !strings.Contains(result.Stdout, "pidproof unquiesce --all must succeed first") {
			t.Errorf("dpkg --remove %s: %+v", name, result)
		}
		wrappers(t, p.Host, true)
	}
	if status := p.Must(t, "dpkg-query -W -f '${Status}\n' pidproof-wrappers pidproof"); strings.Count(status, " ok installed") != 2 {
		t.Errorf("not removed, the packages are\n%s", status)
	}
	p.Must(t, "rm /run/pidproof/quiesced/foo")
}

// failedUpgrade: the new version's preinst refuses, or its postinst fails.
func (p packaged) failedUpgrade(t *testing.T) {
	p.Must(t, `cd /var/cache/pidproof-debs
		for script in preinst postinst; do
			dpkg-deb -R newer-pidproof-wrappers.deb tree
			printf '#!/bin/sh\necho no; exit 1\n' >tree/DEBIAN/$script
			dpkg-deb --root-owner-group -Znone -b tree failing-$script.deb
			rm -r tree
		done`)
	p.install(t)
	installed := p.Must(t, tree)
	for _, script := range []string{"preinst", "postinst"} {
		p.refusesHalf(t, "dpkg --force-depends --install /var/cache/pidproof-debs/failing-"+script+".deb")
		p.install(t)
		requireSame(t, "after a failed "+script, installed, p.Must(t, tree))
	}
	// dpkg runs no prerm for what is only unpacked, and knows nothing of one of the diversions: that wrapper stayed.
	p.Must(t, "dpkg --unpack "+debsOf("newer-")+" 2>&1 && dpkg-divert --quiet --package pidproof --no-rename --remove /usr/sbin/invoke-rc.d && dpkg --purge pidproof-wrappers 2>&1")
	wrappers(t, p.Host, false)
}

// refusesHalf requires that dpkg fails, and all programs work.
func (p packaged) refusesHalf(t *testing.T, command string) {
	t.Helper()
	if result := p.Sh(t, "exec 2>&1; "+command); result.Code == 0 {
		t.Errorf("%s: %+v", command, result)
	}
	p.works(t, command)
}

// works requires that there is a start-stop-daemon, and an invoke-rc.d.
func (p packaged) works(t *testing.T, when string) {
	t.Helper()
	if result := p.Sh(t, "start-stop-daemon --version && invoke-rc.d --help"); result.Code != 0 || !strings.Contains(result.Stdout, "start-stop-daemon 1.") {
		t.Fatalf("%s: then they do not work: %+v", when, result)
	}
}

func (p packaged) readOnly(t *testing.T) {
	readOnly := func(command string) string {
		return "unshare --mount sh -c 'mount -o bind,ro /usr /usr && " + command + "'"
	}
	p.refuses(t, readOnly("dpkg --install "+debsOf("")), "/usr cannot be written")
	p.works(t, "not installed")
	p.install(t)
	p.refuses(t, readOnly("dpkg --remove pidproof-wrappers"), "/usr cannot be written")
	p.refuses(t, readOnly("dpkg --remove pidproof-wrappers pidproof"), "/usr cannot be written")
}

// otherRoot: a chroot without /proc, into which dpkg --root installs, or which dpkg runs in; and one that dpkg does not
// change to.
func (p packaged) otherRoot(t *testing.T) {
	p.Must(t, `mkdir -p /run/other/upper /run/other/work /run/other/root && cd /run/other &&
		mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root && mknod -m 666 root/dev/null c 1 3
		cp -r /var/cache/pidproof-debs root/var/cache`)
	defer p.Must(t, "umount /run/other/root && rm -r /run/other")
	p.refuses(t, "dpkg --root=/run/other/root --force-script-chrootless --install "+debsOf(""), "not with --force-script-chrootless")
	p.Must(t, "dpkg --root=/run/other/root --purge pidproof-wrappers pidproof")
	inside := "chroot /run/other/root sh -c '" + strings.ReplaceAll(tree, "'", `'\''`) + "'"
	before := p.Must(t, inside)
	for _, dpkg := range []string{"dpkg --root=/run/other/root", "chroot /run/other/root dpkg"} {
		p.Must(t, dpkg+" --install "+debsOf("")+" 2>&1")
		p.Must(t, "chroot /run/other/root /usr/share/pidproof/divert status start-stop-daemon")
		p.Must(t, "chroot /run/other/root start-stop-daemon --version")
		p.Must(t, "chroot /run/other/root invoke-rc.d --help")
		p.withoutProc(t)
		wrappers(t, p.Host, false)
		p.Must(t, dpkg+" --purge pidproof-wrappers pidproof 2>&1")
		requireSame(t, dpkg, before, p.Must(t, inside))
	}
}

// withoutProc: what dpkg's start-stop-daemon and Debian's functions answer in a chroot without /proc, ours do, as maintainer
// scripts ask there; they refused it all. Where a pidfile names a number, or there is none, nobody can tell.
func (p packaged) withoutProc(t *testing.T) {
	t.Helper()
	const lsb = ". /lib/lsb/init-functions; "
	for question, want := range map[string]int{
		"start-stop-daemon --start --pidfile /run/none.pid --exec /bin/true":                              0,
		"start-stop-daemon --start --test --pidfile /run/none.pid --name x --startas /bin/true":           0,
		"start-stop-daemon --stop --oknodo --retry 5 --pidfile /run/none.pid --exec /bin/true":            0,
		"start-stop-daemon --stop --pidfile /run/none.pid":                                                1,
		"start-stop-daemon --status --pidfile /run/none.pid --exec /bin/true":                             3,
		lsb + "pidofproc -p /run/none.pid /bin/true":                                                      3,
		lsb + "killproc -p /run/none.pid /bin/true":                                                       0,
		lsb + "start_daemon -p /run/none.pid /bin/true":                                                   0,
		"start-stop-daemon --start --exec /bin/true":                                                      3,
		"start-stop-daemon --stop --oknodo --name true":                                                   3,
		"echo 1234567 >/run/some.pid; start-stop-daemon --start --pidfile /run/some.pid --exec /bin/true": 3,
		"pidproof check -p /run/none.pid /bin/true":                                                       4,
	} {
		result := p.Run(t, "chroot", "/run/other/root", "sh", "-c", question)
		if result.Code != want {
			t.Errorf("without /proc %q exits %d, want %d: %+v", question, result.Code, want, result)
		}
	}
}

// movedProgram: a release upgrade from Debian 12 moves /sbin/start-stop-daemon to /usr/sbin, which is the same place, and so
// replaces the wrapper. A trigger of dpkg's brings it back. Here the program goes the other way, and back.
func (p packaged) movedProgram(t *testing.T) {
	p.install(t)
	p.Host.Install(t, "dpkg")
	p.Must(t, `cd /var/cache/pidproof-lab && dpkg-deb -R dpkg_*.deb tree && mkdir -p tree/sbin && mv tree/usr/sbin/start-stop-daemon tree/sbin &&
		sed -i 's, usr/sbin/start-stop-daemon$, sbin/start-stop-daemon,' tree/DEBIAN/md5sums && dpkg-deb -Znone -b tree moved_1.deb && rm -r tree`)
	for _, one := range []string{"moved", "dpkg", "moved"} {
		p.Reinstall(t, one)
		wrappers(t, p.Host, true)
	}
	p.Must(t, "dpkg --purge pidproof-wrappers pidproof")
	p.works(t, "purged")
	p.Reinstall(t, "dpkg")
	p.Must(t, "rm -r /var/cache/pidproof-lab")
}

// bootstrapped: debootstrap and mmdebstrap put a program that does nothing in start-stop-daemon's place while they install,
// and the other back. It was taken for dpkg's, and was all that was left after the next upgrade, and after purge.
func (p packaged) bootstrapped(t *testing.T) {
	path := strings.TrimSpace(p.Must(t, "command -v start-stop-daemon"))
	aside := fmt.Sprintf(`mv %[1]s %[1]s.REAL && printf '#!/bin/sh\necho\necho "Warning: Fake start-stop-daemon called, doing nothing"\n' >%[1]s && chmod 755 %[1]s`, path)
	back := fmt.Sprintf("mv %[1]s.REAL %[1]s", path)
	idle := func(when string) {
		t.Helper()
		if said := p.Must(t, path+" --version"); !strings.Contains(said, "doing nothing") {
			t.Errorf("%s: what debootstrap had put in its place is %s", when, said)
		}
	}
	p.Must(t, aside+" && dpkg --install "+debsOf("")+" 2>&1")
	idle("installed")
	p.Must(t, "dpkg --install "+debsOf("newer-")+" 2>&1")
	idle("upgraded")
	p.Must(t, back)
	wrappers(t, p.Host, true)
	p.works(t, "bootstrapped")
	p.install(t)
	p.works(t, "installed once more")
	p.Must(t, aside+" && dpkg --purge pidproof-wrappers pidproof 2>&1")
	idle("purged")
	p.Must(t, back)
	p.works(t, "purged while bootstrapped")
	p.Must(t, aside+" && dpkg --install "+debsOf("")+" 2>&1 && "+back)
	p.works(t, "bootstrapped once more")
}

// autopkgtests are those of the source package, which a Debian host runs with the packages installed.
func (p packaged) autopkgtests(t *testing.T) {
	p.install(t)
	p.Must(t, "mkdir /run/tests")
	p.Copy(t, "../../scripts/debian/tests", "/run/tests")
	control := p.Must(t, "sed -n 's/^Tests: *//p' /run/tests/control")
	if len(strings.Fields(control)) == 0 {
		t.Error("debian/tests/control names no test")
	}
	for _, name := range strings.Fields(control) {
		result := p.Sh(t, "mkdir /run/tmp; cd /run && AUTOPKGTEST_TMP=/run/tmp /run/tests/"+name+"; code=$?; rm -r /run/tmp; exit $code")
		if result.Code != 0 || result.Stderr != "" {
			t.Errorf("%s: %+v, want exit 0, and nothing on standard error, which autopkgtest takes for a failure", name, result)
		}
	}
	p.Must(t, "rm -r /run/tests")
}
