package ondemand

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// What the superservers of Debian read. Files that are given to one by an option, as with
// xinetd's -f, are not known.
const (
	inetdConf  = "/etc/inetd.conf"
	inetdDir   = "/etc/inetd.d" // of inetutils-inetd(8): every file in it, whatever its name
	xinetdConf = "/etc/xinetd.conf"
)

// confFile is a file that says what a superserver starts.
type confFile struct {
	path    string
	content string
	format  format
}

// format is how a file says that. An entry is told by the number of its line.
type format interface {
	// entries are all; joined: lines of inetd.conf are read as openbsd-inetd does.
	entries(content string, joined bool) []entry
	// hold switches entries off, each under a comment that says for which service.
	hold(content, name string, on []entry) (changed string)
	// restore gives back, byte for byte, what is held off for a service; restored is how
	// many comments there were.
	restore(content, name string) (changed string, restored int)
}

// confLimit is how long a file may be, and confsLimit how many there may be.
const (
	confLimit  = 1 << 20
	confsLimit = 1000
)

// confFiles reads all of them.
func confFiles() (files []confFile, err error) {
	paths, err := inDir(inetdDir)
	if err != nil {
		return nil, err
	}
	for _, path := range append([]string{inetdConf}, paths...) {
		content, there, err := readConf(path)
		if err != nil {
			return nil, err
		}
		if there {
			files = append(files, confFile{path, content, inetdLines{apart: path != inetdConf}})
		}
	}
	x, err := readXinetd(xinetdConf)
	return append(files, x.files...), err
}

// readConf reads a file; what is not there, and what is no regular file, says nothing to a
// superserver.
func readConf(path string) (content string, there bool, err error) {
	if there, err := isFile(path); err != nil || !there {
		return "", false, err
	}
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	defer file.Close()
	bytes, err := io.ReadAll(io.LimitReader(file, confLimit+1))
	if err == nil && len(bytes) > confLimit {
		err = fmt.Errorf("it is longer than %d bytes", confLimit)
	}
	if err != nil {
		return "", false, fmt.Errorf("reading %s: %w", path, err)
	}
	return string(bytes), true, nil
}

// inDir are the paths of what a directory has, in the order of the C locale; none of one
// that is not there.
func inDir(dir string) (paths []string, err error) {
	if there, err := isDir(dir); err != nil || !there {
		return nil, err
	}
	open, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer open.Close()
	names, err := open.Readdirnames(confsLimit + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(names) > confsLimit {
		return nil, tooMany(dir)
	}
	slices.Sort(names)
	for _, name := range names {
		paths = append(paths, filepath.Join(dir, name))
	}
	return paths, nil
}

func tooMany(path string) error {
	return fmt.Errorf("%s: it has, or includes, more than %d files", path, confsLimit)
}

// entriesIn are the entries of all files.
func entriesIn(files []confFile, joined bool) (entries []entry) {
	for _, f := range files {
		for _, e := range f.format.entries(f.content, joined) {
			e.file = f.path
			entries = append(entries, e)
		}
	}
	return entries
}

// entriesOf are those that run a service: of its name, of its program, by that one's name,
// or as the service's unit or init script has it, and those that are held off for it.
func entriesOf(entries []entry, name string, daemons []string) (its []entry) {
	for _, e := range entries {
		base := filepath.Base(e.program)
		if e.service == name || e.id == name || e.heldFor == name || base == name || base == "in."+name || slices.Contains(daemons, e.program) {
			its = append(its, e)
		}
	}
	return its
}

// entry is what a superserver starts.
type entry struct {
	file    string
	number  int // of its line, from 1
	more    int // of inetd.conf: lines that go on with it
	xinetd  bool
	id      string // of xinetd
	address string // several are separated by commas; "" or *: any
	service string
	port    string // of xinetd: if it is not that of the service's name
	proto   string
	program string // of one that tcpd starts, that one
	off     bool
	heldFor string // the service that we hold it off for; then it is off
}

func (e entry) kind() Kind {
	if e.xinetd {
		return Xinetd
	}
	return Inetd
}

// listens is what is listened on for it, as far as that is known: a name may stand for
// several addresses, and an RPC program has any port.
func (e entry) listens() (on []Address, err error) {
	if e.proto == "unix" && strings.HasPrefix(e.service, "/") {
		return []Address{{Kind: "unix", Path: e.service}}, nil
	}
	kind := strings.TrimRight(strings.TrimSuffix(e.proto, "only"), "46") // tcp4, tcp6, tcp46, tcp6only
	if kind != "tcp" && kind != "udp" {
		return nil, nil
	}
	port, known, err := servicePort(cmp.Or(e.port, e.service), kind)
	if err != nil || !known {
		return nil, err
	}
	for host := range strings.SplitSeq(e.address, ",") {
		a := Address{Kind: kind, Port: port}
		if host != "" && host != "*" {
			if a.Host, err = parseHost(host); err != nil {
				continue
			}
		}
		on = append(on, a)
	}
	return on, nil
}

// What we write above what is held off is our record of it: it outlives a boot, as the
// file does.
const heldMark = "# Held off by pidproof for "

// heldComment names what it is about, so that it means nothing else after somebody has
// removed that.
func heldComment(name, of string) string {
	return fmt.Sprintf(heldMark+"%s, until \"invoke-rc.d %[1]s start\" or \"pidproof unquiesce %[1]s\": %s\n", name, of)
}

// heldName reads such a comment.
func heldName(line string) (name, of string) {
	rest, _ := strings.CutPrefix(line, heldMark)
	name, rest, _ = strings.Cut(rest, ",")
	_, of, _ = strings.Cut(rest, "\": ")
	of = strings.TrimSuffix(of, "\n")
	if heldComment(name, of) != line {
		return "", ""
	}
	return name, of
}

// heldServices are those for which a file holds something off.
func heldServices(content string) (names []string) {
	for line := range strings.Lines(content) {
		if name, _ := heldName(line); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// heldFiles are the files that hold something off for a service.
func heldFiles(service string) (paths []string, err error) {
	files, err := confFiles()
	for _, f := range files {
		if slices.Contains(heldServices(f.content), service) {
			paths = append(paths, f.path)
		}
	}
	return paths, err
}
