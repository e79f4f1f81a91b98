package audit

import (
	"slices"

	"mvdan.cc/sh/v3/syntax"
)

// libraryCall is a call of a function of /lib/lsb/init-functions, or of other distributions' functions, which our hook does
// not replace: those of Red Hat's /etc/rc.d/init.d/functions take a number for the daemon's if /proc has it, with a pidfile,
// too; SUSE's checkproc and killproc (startproc(8)) look for the file.
func (f *finder) libraryCall(s *syntax.Stmt, c command) {
	pidfile := optionValue(f.source, c.args, "-p", "--pidfile") != nil
	switch {
	case c.name == "pidofproc" && (!pidfile || f.redhat && !f.lsb):
		f.add(s, Pidofproc, f.hook())
	case f.lsb || c.name == "pidofproc":
	case f.redhat && c.name == "killproc":
		f.add(s, Kill, "")
	case f.redhat && (c.name == "checkpid" || c.name == "checkpids" || c.name == "status" && pidfile):
		f.add(s, Proc, "")
	case !pidfile && (c.name == "killproc" || c.name == "checkproc" || f.redhat && c.name == "status"):
		f.add(s, Pidofproc, "")
	}
}

// ofRedHat: a function's name that is known to be of Red Hat's functions, where the script has none of its own.
func (src *source) ofRedHat(name string) bool {
	return src.redhat && slices.Contains([]string{"pidofproc", "killproc", "status", "checkpid", "checkpids"}, name) &&
		!slices.ContainsFunc(src.own, func(own *syntax.FuncDecl) bool { return own.Name.Value == name })
}
