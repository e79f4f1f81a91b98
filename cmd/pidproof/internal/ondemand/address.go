package ondemand

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"pidproof/cmd/pidproof/internal/deadline"
	"pidproof/matcher/host"
)

// Address is something to listen on.
type Address struct {
	Kind string     // tcp, udp or unix
	Host netip.Addr // invalid: any
	Port uint16
	Path string // of unix; abstract ones begin with @
}

func (a Address) String() string {
	switch {
	case a.Kind == "unix":
		return a.Path
	case !a.Host.IsValid():
		return a.Kind + " " + strconv.Itoa(int(a.Port))
	}
	return a.Kind + " " + netip.AddrPortFrom(a.Host, a.Port).String()
}

// parseListen reads systemd's "127.0.0.1:80 (Stream)", "[::]:80 (Datagram)",
// "/run/foo (Stream)". What nobody connects to is none.
func parseListen(listen string) (Address, bool) {
	where, kind, _ := strings.Cut(listen, " (")
	protocol := map[string]string{"Stream)": "tcp", "Datagram)": "udp"}[kind]
	if strings.HasPrefix(where, "/") || strings.HasPrefix(where, "@") {
		return Address{Kind: "unix", Path: where}, protocol == "tcp" || kind == "SequentialPacket)"
	}
	at, err := netip.ParseAddrPort(where)
	if err != nil || protocol == "" {
		return Address{}, false
	}
	return Address{protocol, at.Addr(), at.Port(), ""}, true
}

// parseHost reads an address with or without brackets.
func parseHost(host string) (netip.Addr, error) { return netip.ParseAddr(strings.Trim(host, "[]")) }

// servicePort finds the number of a port in /etc/services, services(5).
func servicePort(name, protocol string) (port uint16, known bool, err error) {
	if port, err := strconv.ParseUint(name, 10, 16); err == nil {
		return uint16(port), true, nil
	}
	const path = "/etc/services"
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		number, of, _ := strings.Cut(fields[1], "/")
		if of != protocol {
			continue
		}
		for i, known := range fields {
			if port, err := strconv.ParseUint(number, 10, 16); i != 1 && known == name && err == nil {
				return uint16(port), true, nil
			}
		}
	}
	return 0, false, unread(path, lines.Err())
}

// listened are those of the addresses that somebody on this host listens on.
func listened(ctx context.Context, on []Address) (found []Address, err error) {
	if len(on) == 0 {
		return nil, nil
	}
	var sockets []host.Socket
	if err := within(ctx, "who listens", func() (err error) { sockets, err = host.Listeners(); return err }); err != nil {
		return nil, err
	}
	for _, a := range on {
		for _, s := range sockets {
			if a.is(s) {
				found = append(found, a)
				break
			}
		}
	}
	return found, nil
}

// is tells whether a socket takes what comes to the address.
func (a Address) is(s host.Socket) bool {
	if a.Kind != strings.TrimSuffix(s.Kind, "6") {
		return false
	}
	if a.Kind == "unix" {
		return s.Address == a.Path
	}
	at, err := netip.ParseAddrPort(s.Address)
	if err != nil || at.Port() != a.Port {
		return false
	}
	return !a.Host.IsValid() || a.Host.Unmap() == at.Addr().Unmap() || at.Addr().IsUnspecified()
}

// within looks as long as an answer may take; a look that does not return then is left behind.
func within(ctx context.Context, what string, look func() error) error {
	ctx, cancel := deadline.One(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- look() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", what, ErrNoAnswer)
	}
}
