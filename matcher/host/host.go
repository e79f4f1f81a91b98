// Package host tells of a Linux host what package matcher's question does not need, but
// whoever acts on its answer may: who is related to whom, what is listened on, and which
// paths may hang whoever touches them. It reads /proc (proc(5)), and proves nothing.
package host

import (
	"net/netip"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
)

// Socket is one that a process listens on.
type Socket = fact.Socket

// Listeners are all sockets that are listened on in our network namespace
// (/proc/self/net), whoever does.
func Listeners() ([]Socket, error) { return kernel.Listeners() }

// ServesAt is the local address of the TCP connection that a process has as standard
// input, as inetd(8) starts one for a client; ok is false where it has none.
func ServesAt(pid int) (local netip.AddrPort, ok bool, err error) { return kernel.ServesAt(pid) }

// MayHang reports whether a daemon or pidfile leads through a file system whose server
// may never answer, and names it. It looks at nothing but the mount table and at links of
// file systems that do answer. A process that touches such a path may become impossible
// to kill: ask from one that nobody need wait for.
func MayHang(paths ...string) (where string, may bool) { return kernel.MayHang(paths...) }

// ProcIsOurs is an error where /proc is not mounted, or shows another PID namespace than
// ours: every number there means another process.
func ProcIsOurs() error { return kernel.ThisSystem().Open() }

// HidesProcesses reports that /proc is mounted with hidepid= (proc(5)), and that we cannot
// see through it.
func HidesProcesses() (hides bool, err error) { return kernel.ThisSystem().HidesProcesses() }
