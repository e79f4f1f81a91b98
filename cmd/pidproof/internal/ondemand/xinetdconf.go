package ondemand

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"
)

// xinetdServices are the entries of a file of xinetd, xinetd.conf(5):
//
//	service NAME
//	{
//		ATTRIBUTE = VALUE ...
//	}
//
// What is odd is read as xinetd 2.3.15 does (parse.c, parsesup.c), or as one that would
// listen: an entry that xinetd drops is held off in vain, and given back.
type xinetdServices struct{ defaults *xinetdDefaults }

// xinetdDefaults is what the "defaults" of all files say: which services are off, by their
// id, and where the others listen.
type xinetdDefaults struct {
	disabled, enabled map[string]bool
	bind              string
}

// off: "enabled" leaves nothing on but what it names.
func (d *xinetdDefaults) off(id string) bool {
	return d != nil && (d.disabled[id] || len(d.enabled) > 0 && !d.enabled[id])
}

// heldLine is the first line of an entry that is held off, below our comment. xinetd reads
// nothing of an entry after it.
const heldLine = "\tdisable = yes\n"

// include is another file, or a directory of files.
type include struct {
	path string
	dir  bool
}

// xinetdReader goes through the lines of a file.
type xinetdReader struct {
	lines    []string
	at       int // the line that was read last, from 1
	entries  []entry
	includes []include
	defaults []attribute
}

// attribute of an entry: "name = value ...", also += and -=.
type attribute struct {
	name, op string
	values   []string
	heldFor  string // it is heldLine below such a comment
}

func parseXinetd(content string) *xinetdReader {
	r := &xinetdReader{lines: slices.Collect(strings.Lines(content))}
	hadDefaults := false
	for {
		words := strings.Fields(r.next())
		if len(words) == 0 {
			return r
		}
		number := r.at
		switch {
		case words[0] == "include" && len(words) > 1:
			r.includes = append(r.includes, include{words[1], false})
			continue
		case words[0] == "includedir" && len(words) > 1:
			r.includes = append(r.includes, include{words[1], true})
			continue
		case words[0] != "defaults" && (words[0] != "service" || len(words) < 2), strings.TrimSpace(r.next()) != "{":
			r.skip()
			continue
		}
		brace := r.at
		attributes, whole := r.attributes()
		switch {
		case words[0] == "defaults" && !hadDefaults: // another one is ignored
			hadDefaults, r.defaults = true, attributes
		case words[0] == "service" && whole:
			e := xinetdEntry(words[1], attributes)
			e.number, e.more = number, brace-number
			r.entries = append(r.entries, e)
		}
	}
}

// next is the next line that is neither empty nor a comment, "" at the end.
func (r *xinetdReader) next() string {
	for r.at < len(r.lines) {
		line := strings.TrimSpace(r.lines[r.at])
		r.at++
		if line != "" && line[0] != '#' {
			return line
		}
	}
	return ""
}

// skip goes to the end of an entry that cannot be read.
func (r *xinetdReader) skip() {
	for line := r.next(); line != "" && line != "}"; line = r.next() {
	}
}

// attributes are those up to the end of the entry. One that has none is not whole.
func (r *xinetdReader) attributes() (all []attribute, whole bool) {
	for {
		line := r.next()
		if line == "" || line == "}" {
			return all, line == "}"
		}
		a, is := parseAttribute(line)
		if !is {
			continue
		}
		if r.at > 1 && r.lines[r.at-1] == heldLine {
			a.heldFor, _ = heldName(r.lines[r.at-2])
		}
		all = append(all, a)
	}
}

func parseAttribute(line string) (a attribute, is bool) {
	end := strings.IndexAny(line, " \t\v\f\r+-=")
	if end < 1 {
		return a, false
	}
	a.name = line[:end]
	rest := strings.TrimSpace(line[end:])
	for _, a.op = range []string{"+=", "-=", "="} {
		if values, is := strings.CutPrefix(rest, a.op); is {
			a.values = strings.Fields(values)
			return a, true
		}
	}
	return a, false
}

// xinetdEntry reads the attributes of a service. Of several of one name the first counts.
func xinetdEntry(name string, attributes []attribute) entry {
	of := map[string][]string{}
	e := entry{xinetd: true, service: name}
	disable := ""
	for _, a := range attributes {
		if a.name == "interface" { // bind's other name
			a.name = "bind"
		}
		if _, known := of[a.name]; !known {
			of[a.name] = a.values
		}
		if a.name == "disable" && a.op == "=" && disable == "" && len(a.values) == 1 && (a.values[0] == "yes" || a.values[0] == "no") {
			if disable = a.values[0]; disable == "yes" {
				e.off, e.heldFor = true, a.heldFor
			}
		}
	}
	first := func(name string) string { return slices.Concat(of[name], []string{""})[0] }
	e.id, e.address, e.port, e.program = cmp.Or(first("id"), name), first("bind"), first("port"), first("server")
	if filepath.Base(e.program) == "tcpd" && slices.Contains(of["flags"], "NAMEINARGS") && first("server_args") != "" {
		if e.program = first("server_args"); !strings.HasPrefix(e.program, "/") {
			e.program = "/usr/sbin/" + e.program
		}
	}
	e.proto = cmp.Or(first("protocol"), map[string]string{"stream": "tcp", "dgram": "udp"}[first("socket_type")])
	for _, kind := range of["type"] {
		switch kind {
		case "INTERNAL":
			e.program = "internal"
		case "RPC", "TCPMUX", "TCPMUXPLUS": // no port of its own
			e.proto = strings.ToLower(kind) + "/" + e.proto
		}
	}
	return e
}

func (x xinetdServices) entries(content string, _ bool) []entry {
	entries := parseXinetd(content).entries
	for i, e := range entries {
		entries[i].off = e.off || x.defaults.off(e.id)
		if e.address == "" && x.defaults != nil {
			entries[i].address = x.defaults.bind
		}
	}
	return entries
}

func (xinetdServices) hold(content, name string, on []entry) (changed string) {
	below := map[int]bool{}
	for _, e := range on {
		below[e.number+e.more] = true
	}
	var b strings.Builder
	number := 0
	for line := range strings.Lines(content) {
		number++
		b.WriteString(line)
		if below[number] {
			b.WriteString(heldComment(name, "the next line") + heldLine)
		}
	}
	return b.String()
}

// restore leaves what somebody has written in the place of our line.
func (xinetdServices) restore(content, name string) (changed string, restored int) {
	var b strings.Builder
	below := false
	for line := range strings.Lines(content) {
		of, _ := heldName(line)
		switch {
		case of == name:
			restored++
		case below && line == heldLine:
		default:
			b.WriteString(line)
		}
		below = of == name
	}
	return b.String(), restored
}

// xinetdFiles are what xinetd reads.
type xinetdFiles struct {
	files    []confFile
	seen     map[string]bool
	defaults *xinetdDefaults
}

// readXinetd reads a file of xinetd, and what it includes, each once.
func readXinetd(path string) (x xinetdFiles, err error) {
	x = xinetdFiles{seen: map[string]bool{}, defaults: &xinetdDefaults{disabled: map[string]bool{}, enabled: map[string]bool{}}}
	return x, x.read(path)
}

func (x *xinetdFiles) read(path string) error {
	if x.seen[path] {
		return nil
	}
	if len(x.seen) >= confsLimit {
		return tooMany(path)
	}
	x.seen[path] = true
	content, there, err := readConf(path)
	if err != nil || !there {
		return err
	}
	x.files = append(x.files, confFile{path, content, xinetdServices{x.defaults}})
	parsed := parseXinetd(content)
	x.defaults.add(parsed.defaults)
	for _, i := range parsed.includes {
		path := "/" + strings.TrimLeft(i.path, "/") // xinetd(8) runs in /
		paths := []string{path}
		if i.dir {
			if paths, err = inDir(path); err != nil {
				return err
			}
			paths = slices.DeleteFunc(paths, passedOver)
		}
		for _, path := range paths {
			if err := x.read(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// passedOver reports that includedir does not take such a file, xinetd.conf(5).
func passedOver(path string) bool {
	name := filepath.Base(path)
	return strings.Contains(name, ".") || strings.HasSuffix(name, "~")
}

func (d *xinetdDefaults) add(attributes []attribute) {
	lists := map[string]map[string]bool{"disabled": d.disabled, "enabled": d.enabled}
	for _, a := range attributes {
		if list := lists[a.name]; list != nil {
			for _, id := range a.values {
				if list[id] = true; a.op == "-=" {
					delete(list, id)
				}
			}
		}
		if (a.name == "bind" || a.name == "interface") && len(a.values) > 0 && d.bind == "" {
			d.bind = a.values[0]
		}
	}
}
