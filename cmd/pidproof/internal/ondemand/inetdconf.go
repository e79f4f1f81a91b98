package ondemand

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
)

// update-inetd(8)'s mark of a line that a package has switched off. What is behind a
// plain # is the administrator's. With another mark of ours, a package that is
// configured meanwhile would add its line a second time.
const offMark = "#<off># "

// entry is a line of inetd.conf, inetd(8):
//
//	[address:]service type protocol wait user program argument...
type entry struct {
	number  int // from 1
	more    int // lines that go on with it
	address string
	service string
	proto   string
	program string // of one that tcpd starts, that one
	off     bool   // behind offMark
	heldFor string // the service that we hold it off for
}

// heldComment stands above a line that is held off, and is our record of it: it
// outlives a boot, as the line does. It names the line, so that it means no other after
// somebody has removed that one.
func heldComment(name, of string) string {
	return fmt.Sprintf("# Held off by pidproof for %s, until \"invoke-rc.d %[1]s start\" or \"pidproof unquiesce %[1]s\": %s\n", name, of)
}

// lineName is "service type protocol", a checksum, as two programs may have a line for
// the same port, one of them off, and how many lines go on with it.
func lineName(line string, more int) string {
	f := strings.Fields(line)
	sum := fnv.New32a() // crc32 makes tables at start-up
	sum.Write([]byte(strings.TrimSuffix(line, "\n")))
	name := fmt.Sprintf("%s (%08x)", strings.Join(f[:min(3, len(f))], " "), sum.Sum32())
	if more > 0 {
		name += fmt.Sprintf(" and %d more", more)
	}
	return name
}

// heldName reads such a comment.
func heldName(line string) (name, of string) {
	rest, _ := strings.CutPrefix(line, "# Held off by pidproof for ")
	name, rest, _ = strings.Cut(rest, ",")
	_, of, _ = strings.Cut(rest, "\": ")
	of = strings.TrimSuffix(of, "\n")
	if heldComment(name, of) != line {
		return "", ""
	}
	return name, of
}

// parseInetdConf reads the lines that are on, and those behind offMark.
func parseInetdConf(content string) (entries []entry) {
	heldFor, of := "", ""
	lines := slices.Collect(strings.Lines(content))
	for i, line := range lines {
		if name, named := heldName(line); name != "" {
			heldFor, of = name, named
			continue
		}
		text, off := strings.CutPrefix(line, offMark)
		name, more := text, goOn(lines[i+1:], off)
		for fewer := range more { // lines that were off before may follow
			if off && lineName(name, fewer) == of {
				more = fewer
				break
			}
		}
		for _, line := range lines[i+1 : i+1+more] {
			text += strings.TrimPrefix(line, offMark)
		}
		if e, is := parseEntry(text); is && !continues(line) {
			e.number, e.more, e.off = i+1, more, off
			if off && lineName(name, more) == of {
				e.heldFor = heldFor
			}
			entries = append(entries, e)
		}
		heldFor, of = "", ""
	}
	return entries
}

// goOn is how many lines go on with the one above them, as openbsd-inetd's may; off: all
// are behind offMark.
func goOn(lines []string, off bool) (more int) {
	for _, line := range lines {
		text, marked := strings.CutPrefix(line, offMark)
		if marked != off || !continues(text) {
			break
		}
		more++
	}
	return more
}

func continues(line string) bool {
	return strings.TrimLeft(line, " \t") != line && strings.TrimSpace(line) != ""
}

func parseEntry(text string) (e entry, is bool) {
	f := strings.Fields(text)
	if len(f) < 6 || strings.HasPrefix(f[0], "#") {
		return e, false
	}
	at := strings.LastIndex(f[0], ":")
	e.address, e.service = strings.TrimSuffix(f[0][:at+1], ":"), f[0][at+1:]
	e.proto, _, _ = strings.Cut(f[2], ",")
	e.program = f[5]
	if filepath.Base(e.program) == "tcpd" && len(f) > 6 { // tcpd(8)
		if e.program = f[6]; !strings.HasPrefix(e.program, "/") {
			e.program = "/usr/sbin/" + e.program
		}
	}
	return e, true
}

// entriesOf are the lines that run a service: those of its name, those of its program,
// by that one's name, or as the service's unit or init script has it, and those that
// are held off for it.
func entriesOf(content, name string, daemons []string) (its []entry) {
	for _, e := range parseInetdConf(content) {
		base := filepath.Base(e.program)
		if e.service == name || e.heldFor == name || base == name || base == "in."+name || slices.Contains(daemons, e.program) {
			its = append(its, e)
		}
	}
	return its
}

// listens is what inetd listens on for it.
func (e entry) listens() (a Address, is bool, err error) {
	kind := strings.TrimRight(e.proto, "46")
	if kind != "tcp" && kind != "udp" {
		return Address{}, false, nil
	}
	port, known, err := servicePort(e.service, kind)
	a = Address{Kind: kind, Port: port}
	if e.address != "" && e.address != "*" {
		host, err := netip.ParseAddr(strings.Trim(e.address, "[]"))
		if err != nil {
			return a, false, nil
		}
		a.Host = host
	}
	return a, known, err
}

// holdLines switches off those lines of a service that are on.
func holdLines(content, name string, daemons []string) (changed string, held int) {
	on := map[int]entry{}
	for _, e := range entriesOf(content, name, daemons) {
		if !e.off {
			on[e.number] = e
			held++
		}
	}
	var b strings.Builder
	number, more := 0, 0
	for line := range strings.Lines(content) {
		number++
		e, first := on[number]
		switch {
		case first:
			more = e.more
			b.WriteString(heldComment(name, lineName(line, more)) + offMark)
		case more > 0:
			more--
			b.WriteString(offMark)
		}
		b.WriteString(line)
	}
	return b.String(), held
}

// restoreLines gives back, byte for byte, the lines that are held off for a service. One
// that somebody has switched on meanwhile stays as it is, and so does what stands in the
// place of one that was removed.
func restoreLines(content, name string) (changed string, restored int) {
	held := map[int]int{} // the lines that go on with it, by the number of a line
	for _, e := range parseInetdConf(content) {
		if e.heldFor == name {
			held[e.number] = e.more
		}
	}
	var b strings.Builder
	number, more := 0, 0
	for line := range strings.Lines(content) {
		number++
		if of, _ := heldName(line); of == name {
			restored++
			continue
		}
		lines, first := held[number]
		switch {
		case first:
			more = lines
			line = strings.TrimPrefix(line, offMark)
		case more > 0:
			more--
			line = strings.TrimPrefix(line, offMark)
		}
		b.WriteString(line)
	}
	return b.String(), restored
}

// holdsOff reports that a line is held off for a service.
func holdsOff(content, name string) bool {
	_, n := restoreLines(content, name)
	return n > 0
}

// heldServices are those for which lines are held off.
func heldServices(content string) (names []string) {
	for line := range strings.Lines(content) {
		if name, _ := heldName(line); name != "" {
			names = append(names, name)
		}
	}
	return names
}
