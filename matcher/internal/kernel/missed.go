package kernel

import (
	"errors"
	"path/filepath"

	"pidproof/matcher/internal/fact"
)

// missedTries is how often the tables of TCP are read while listening sockets are closed all the time, missedSame how often
// they are if none is. So many sockets are remembered; those that fit into a page, which come first, are told at once.
const (
	missedTries = 10
	missedSame  = 3
	missedLimit = 1 << 16
	pageOfTable = 4096/180 - 1 // lines of tcp6 are the longest
)

var errClosing = errors.New("listening sockets are closed all the time")

// missedListeners looks again where the tables of TCP show that nothing listens. They come a page at a time, and the kernel
// goes on at the place in a hash's list that it has counted to (tcp_seek_last_pos in net/ipv4/tcp_ipv4.c): who listens at
// addresses of the same hash as root's, and closes some meanwhile, has that passed over. But then what was closed is not
// there the next time, as no other gets its inode; but for what stops to listen and begins again (shutdown(2)), so that
// one look more is not enough. UDP is not looked at again: its sockets come and go on a healthy host.
func missedListeners(dir string, of func(inode uint64) bool) (out []listener, err error) {
	var before map[uint64]bool
	same := 0
	for range missedTries {
		now, longest := map[uint64]bool{}, 0
		for _, kind := range []string{"tcp", "tcp6"} {
			lines := 0
			err := readTable(filepath.Join(dir, "net", kind), func(line []byte) {
				l, is := parseInet(kind, tcpListen, line)
				if !is {
					return
				}
				lines++
				if of(l.inode) {
					out = append(out, l)
				}
				if len(now) <= missedLimit {
					now[l.inode] = true
				}
			})
			longest = max(longest, lines)
			if err != nil && !fact.Vanished(err) { // none of a kernel without IPv6
				return nil, err
			}
		}
		gone := before == nil
		for inode := range before {
			gone = gone || !now[inode]
		}
		if same++; gone {
			same = 0
		}
		switch {
		case len(out) > 0 || same == missedSame || longest < pageOfTable:
			return out, nil
		case len(now) > missedLimit:
			return nil, fact.ErrManyDescriptors
		}
		before = now
	}
	return nil, errClosing
}
