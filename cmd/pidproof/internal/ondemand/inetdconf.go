package ondemand

import (
	"fmt"
	"hash/fnv"
	"path/filepath"
	"slices"
	"strings"
)

// update-inetd(8)'s mark of a line that a package has switched off. What is behind a
// plain # is the administrator's. With another mark of ours, a package that is
// configured meanwhile would add its line a second time.
const offMark = "#<off># "

// inetdLines are those of inetd.conf, inetd(8) and inetutils-inetd(8):
//
//	[address,...:]service type protocol wait user program argument...
//
// A line with an address alone, "address:", is about those below it. One that begins with
// a blank goes on with the one above, as openbsd-inetd reads it; to inetutils-inetd, and
// to xinetd, which reads inetd.conf with -inetd_compat, it is one by itself.
type inetdLines struct{ apart bool } // only inetutils-inetd reads them

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

// entries are the lines that are on, and those behind offMark.
func (l inetdLines) entries(content string, joined bool) (entries []entry) {
	joined = joined && !l.apart
	heldFor, of, address := "", "", ""
	lines := slices.Collect(strings.Lines(content))
	for i, line := range lines {
		if name, named := heldName(line); name != "" {
			heldFor, of = name, named
			continue
		}
		text, off := strings.CutPrefix(line, offMark)
		name, more := text, goOn(lines[i+1:], off, joined)
		for fewer := range more { // lines that were off before may follow
			if off && lineName(name, fewer) == of {
				more = fewer
				break
			}
		}
		for _, line := range lines[i+1 : i+1+more] {
			text += strings.TrimPrefix(line, offMark)
		}
		if a, is := addressLine(text); is && !off {
			address = a
		}
		if e, is := parseEntry(text); is && (!joined || !continues(line)) {
			e.number, e.more, e.off = i+1, more, off
			if e.address == "" {
				e.address = address
			}
			if off && lineName(name, more) == of {
				e.heldFor = heldFor
			}
			entries = append(entries, e)
		}
		heldFor, of = "", ""
	}
	return entries
}

// addressLine reads "address:".
func addressLine(text string) (address string, is bool) {
	f := strings.Fields(text)
	if len(f) != 1 || strings.HasPrefix(f[0], "#") {
		return "", false
	}
	return strings.CutSuffix(f[0], ":")
}

// goOn is how many lines go on with the one above them; off: all are behind offMark.
func goOn(lines []string, off, joined bool) (more int) {
	if !joined {
		return 0
	}
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

func (inetdLines) hold(content, name string, on []entry) (changed string) {
	at := map[int]entry{}
	for _, e := range on {
		at[e.number] = e
	}
	var b strings.Builder
	number, more := 0, 0
	for line := range strings.Lines(content) {
		number++
		e, first := at[number]
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
	return b.String()
}

// restore leaves a line that somebody has switched on meanwhile as it is, and so what
// stands in the place of one that was removed.
func (l inetdLines) restore(content, name string) (changed string, restored int) {
	held := map[int]int{}                        // the lines that go on with it, by the number of a line
	for _, e := range l.entries(content, true) { // what was held off one by one is told by its comment
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
