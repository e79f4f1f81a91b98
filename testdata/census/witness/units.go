package main

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
)

// output runs a program and returns what it said.
func output(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).Output()
	if exit, is := err.(*exec.ExitError); is {
		return string(out), fmt.Errorf("%s %q: %w: %s", name, args, err, exit.Stderr)
	}
	return string(out), err
}

// contents are a package's files that matter here.
type contents struct {
	files    map[string]bool // all but directories and conffiles, which dpkg puts in place at another time
	units    []string        // as their files are called
	busNames []string
}

func contentsOf(name string) (c contents, err error) {
	list, err := output("dpkg-query", "-L", name)
	if err != nil {
		return c, err
	}
	conffiles, err := output("dpkg-query", "-W", "-f", "${Conffiles}", name)
	if err != nil {
		return c, err
	}
	c.files = map[string]bool{}
	for file := range strings.Lines(list) {
		file = strings.TrimSpace(file)
		info, err := os.Lstat(file)
		if err != nil || info.IsDir() {
			continue
		}
		dir, base := path.Split(file)
		switch {
		case strings.HasSuffix(dir, "/lib/systemd/system/"):
			c.units = append(c.units, base)
		case dir == "/etc/init.d/":
			c.units = append(c.units, base+".service")
		case strings.HasSuffix(dir, "/dbus-1/system-services/"):
			c.busNames = append(c.busNames, strings.TrimSuffix(base, ".service"))
		}
		if !strings.Contains(conffiles, " "+file+" ") {
			c.files[file] = true
		}
	}
	return c, nil
}

// owns tells whether a unit's file, or its template's, is the package's.
func (c contents) owns(unit string) bool {
	if prefix, rest, is := strings.Cut(unit, "@"); is {
		if _, kind, ok := strings.Cut(rest, "."); ok && slices.Contains(c.units, prefix+"@."+kind[strings.LastIndex(kind, ".")+1:]) {
			return true
		}
	}
	return slices.Contains(c.units, unit)
}

// unit is what systemd says of one.
type unit map[string]string

// loaded asks systemd for the package's units, and what it has loaded of their instances: to ask for all that it has
// costs a second of a processor.
func (c contents) loaded() (map[string]unit, error) {
	if len(c.units) == 0 { // that would be systemd itself
		return nil, nil
	}
	args := []string{"show", "--all", "--property=Id,ActiveState,SubState,Type,RemainAfterExit,InvocationID,Listen,Accept,Paths", "--"}
	for _, name := range c.units {
		args = append(args, strings.Replace(name, "@.", "@*.", 1))
	}
	out, err := output("systemctl", args...)
	if err != nil {
		return nil, err
	}
	all := map[string]unit{}
	for block := range strings.SplitSeq(out, "\n\n") {
		u := unit{}
		for line := range strings.Lines(block) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			if u[name] != "" {
				value = u[name] + "\n" + value
			}
			u[name] = value
		}
		if u["Id"] != "" {
			all[u["Id"]] = u
		}
	}
	return all, nil
}

// comesAndGoes: whether such a unit is active just now says nothing.
func (u unit) comesAndGoes() bool {
	return u["Type"] == "oneshot" && u["RemainAfterExit"] == "no" || perClient.MatchString(u["Id"])
}

// template is the name that all instances of clients share.
func template(unit string) string {
	if perClient.MatchString(unit) {
		name, _, _ := strings.Cut(unit, "@")
		return name + "@.service"
	}
	return unit
}

// perClient is the name that a socket with Accept=yes gives to a client's instance. systemd.socket(5)
var perClient = regexp.MustCompile(`@\d+-.*\.service$`)

// states are the package's units, without those that come and go.
func (c contents) states(all map[string]unit) map[string]string {
	states := map[string]string{}
	for name, u := range all {
		if c.owns(name) && !u.comesAndGoes() {
			states[name] = u["ActiveState"]
		}
	}
	return states
}

// listening are the addresses of the host's listening sockets. Who holds them differs while a service comes and goes.
func listening() ([]string, error) {
	out, err := output("ss", "-H", "-l", "-n", "-t", "-u", "-x")
	if err != nil {
		return nil, err
	}
	var found []string
	for line := range strings.Lines(out) {
		if socket := parseSocket(line); socket != "" && !slices.Contains(found, socket) {
			found = append(found, socket)
		}
	}
	slices.Sort(found)
	return found, nil
}

// parseSocket reads a line of ss(8): kind, state, two queues, address, and, of a Unix socket, its inode.
func parseSocket(line string) string {
	words := strings.Fields(line)
	if len(words) < 6 {
		return ""
	}
	kind, address := words[0], words[4]
	switch {
	case kind == "tcp" || kind == "udp":
		address = known(address)
	case address == "*": // a client's, without a name
		return ""
	}
	return kind + " " + address
}

// known replaces a port that the kernel or bindresvport(3) chose.
func known(address string) string {
	colon := strings.LastIndex(address, ":")
	port := address[colon+1:]
	if len(port) == 5 && port >= "32768" || len(port) == 3 && port >= "512" && !services[port] {
		port = "*"
	}
	return address[:colon+1] + port
}

var services = func() map[string]bool {
	ports := map[string]bool{}
	content, _ := os.ReadFile("/etc/services") // without it more ports are compared as "*"
	for line := range strings.Lines(string(content)) {
		if words := strings.Fields(line); len(words) > 1 {
			port, _, _ := strings.Cut(words[1], "/")
			ports[port] = true
		}
	}
	return ports
}()
