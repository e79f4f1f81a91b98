package fact

import "net/netip"

// Socket is one that a process listens on: who starts a second daemon finds
// its port taken.
type Socket struct {
	Kind    string // tcp, tcp6, udp, udp6, unix
	Address string // 127.0.0.1:80, [::]:53, /run/foo.sock
	// Roots: root has made it, and whoever has it now was given it. Not known of unix.
	Roots bool
}

func (s Socket) String() string { return s.Kind + " " + s.Address }

// Port is that of an IP address, 0 of a path.
func (s Socket) Port() uint16 {
	at, err := netip.ParseAddrPort(s.Address)
	if err != nil || s.Kind == "unix" {
		return 0
	}
	return at.Port()
}
