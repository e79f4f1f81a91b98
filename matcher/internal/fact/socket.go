package fact

// Socket is one that a process listens on: who starts a second daemon finds
// its port taken.
type Socket struct {
	Kind    string // tcp, tcp6, udp, udp6, unix
	Address string // 127.0.0.1:80, [::]:53, /run/foo.sock
}

func (s Socket) String() string { return s.Kind + " " + s.Address }
