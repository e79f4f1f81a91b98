package ondemand

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sort"
	"strings"

	"golang.org/x/sys/unix"

	"pidproof/cmd/pidproof/internal/maintscript"
	"pidproof/matcher"
)

// ErrName is wrapped where a name is none that a service may have.
var ErrName = errors.New("is no name of a service")

// ErrUnknown is wrapped where no unit, init script or entry of a superserver has the name.
var ErrUnknown = errors.New("is unknown: no unit, no init script, no line of inetd.conf and no service of xinetd has this name")

// Service is one that invoke-rc.d(8) stops and starts.
type Service struct {
	Name     string // as invoke-rc.d takes it
	Manager  string // see Manager
	Script   bool   // /etc/init.d has it
	Unit     *Unit  // nil without systemd
	Triggers []Trigger

	instances []string // of its template, which an Accept=yes socket has started
	parts     []Unit   // that stop with it
	ours      []string // those of both that we run in
	recorded  []string // triggers that are held off
	elsewhere elsewhere
	takenDown []string // see TakenDown
	packages  []string // see HeldFor
	inetd     *inetd   // nil unless an entry of a superserver is its
}

// Kind of a trigger, as a person knows it.
type Kind string

// The kinds, in the order in which triggers are listed.
const (
	Socket    Kind = "socket"
	Path      Kind = "path"
	Timer     Kind = "timer"
	DBus      Kind = "dbus"
	Upholds   Kind = "upholds"
	OnFailure Kind = "onfailure"
	OnSuccess Kind = "onsuccess"
	Inetd     Kind = "inetd"
	Xinetd    Kind = "xinetd"
)

var kinds = []Kind{Socket, Path, Timer, DBus, Upholds, OnFailure, OnSuccess, Inetd, Xinetd}

// inFile reports that it is an entry in a file of a superserver.
func (k Kind) inFile() bool { return k == Inetd || k == Xinetd }

// Trigger is something that can start the service.
type Trigger struct {
	Kind  Kind
	Name  string // the unit, or FILE:LINE
	State string // as systemd has it; enabled, off, held off
	// Active: it would start the service at any moment.
	Active   bool
	Holdable bool
	Listens  []Address
	Via      []string // the units that it starts, which start the service; none: it does itself

	accepts bool     // Accept=yes
	stops   bool     // it is stopped to hold it off; else what it starts is held itself
	wanted  bool     // another unit would start it again
	starts  []string // of the service's units
}

// Manager is what stops and starts services on this host; none does in a chroot. An
// error says that it cannot be told: whoever took that for none would leave systemd's
// triggers armed.
func Manager() (string, error) {
	chroot, err := inChroot()
	if err != nil || chroot {
		return "none", err
	}
	booted, err := isDir("/run/systemd/system") // sd_booted(3)
	if err != nil || booted {
		return "systemd", err
	}
	openrc, err := isFile("/run/openrc/softlevel")
	if err != nil || openrc {
		return "openrc", err
	}
	return "sysvinit", nil
}

// inChroot: there systemctl(1) ignores what it is told, and says so, also where /run is
// the host's.
func inChroot() (bool, error) {
	ours, err := os.Stat("/")
	if err != nil {
		return false, err
	}
	inits, err := os.Stat("/proc/1/root/.")
	switch {
	case errors.Is(err, fs.ErrPermission): // not root's question, or that of root in a container
		return false, nil
	case errors.Is(err, fs.ErrNotExist): // no /proc
		return true, nil
	case err != nil:
		return false, err
	}
	return !os.SameFile(ours, inits), nil
}

func isDir(path string) (bool, error)  { return is(path, fs.FileMode.IsDir) }
func isFile(path string) (bool, error) { return is(path, fs.FileMode.IsRegular) }

// is reports what is at a path. What cannot be looked at is not absent.
func is(path string, kind func(fs.FileMode) bool) (bool, error) {
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return false, nil
	}
	return err == nil && kind(st.Mode()), err
}

// ParseName takes the name of a service, or of its unit.
func ParseName(word string) (string, error) {
	name := strings.TrimSuffix(word, ".service")
	const allowed = ":_.@\\-+" // unit names, systemd.unit(5), and what init scripts are called
	switch {
	case name == "":
		return "", fmt.Errorf("%q %w", word, ErrName)
	case strings.Contains(name, "/"):
		return "", fmt.Errorf("%s %w: it has a slash; give the name alone, as of the script in /etc/init.d", word, ErrName)
	case strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-"):
		return "", fmt.Errorf("%s %w", word, ErrName)
	case len(name) > longName:
		return "", fmt.Errorf("%s %w: %w", word, ErrName, ErrLong)
	}
	for _, suffix := range []string{".socket", ".path", ".timer"} {
		if strings.HasSuffix(name, suffix) {
			return "", fmt.Errorf("%s %w, but a trigger: give the service that it starts", word, ErrName)
		}
	}
	for _, r := range name {
		if !strings.ContainsRune(allowed, r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			return "", fmt.Errorf("%s %w: %q is not allowed in one", word, ErrName, r)
		}
	}
	return name, nil
}

// longName leaves room for what files of its name are called besides.
const longName = 200

// ErrLong is wrapped where a name is that of a unit, and too long for us.
var ErrLong = fmt.Errorf("it is longer than %d bytes", longName)

// IsLong reports that systemd has a unit which is too long for us.
func IsLong(ctx context.Context, unit string) (bool, error) {
	if _, err := ParseName(unit); !errors.Is(err, ErrLong) {
		return false, nil
	}
	shown, err := show(ctx, []string{"LoadState"}, unit)
	if errors.Is(err, ErrRefused) { // systemd says what is wrong with it
		return false, nil
	}
	return err == nil && shown[0].get("LoadState") == "loaded", err
}

// Look finds a service and its triggers. What does not answer before ctx ends is an
// error.
func Look(ctx context.Context, name string) (Service, error) {
	s := Service{Name: name}
	var err error
	if s.Script, err = isFile("/etc/init.d/" + name); err != nil {
		return s, err
	}
	if s.Manager, err = Manager(); err != nil {
		return s, err
	}
	if s.Manager == "systemd" {
		if err := s.lookAtUnit(ctx); err != nil {
			return s, err
		}
	}
	if err := s.lookAtInetd(ctx); err != nil {
		return s, err
	}
	s.sayHeldOff()
	sort.SliceStable(s.Triggers, func(i, j int) bool {
		a, b := &s.Triggers[i], &s.Triggers[j]
		return cmp.Or(cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)), strings.Compare(a.Name, b.Name)) < 0
	})
	if !s.Script && s.inetd == nil && (s.Unit == nil || s.Unit.Absent()) && s.accepting() == "" {
		return s, fmt.Errorf("%s %w", name, ErrUnknown)
	}
	return s, nil
}

// sayHeldOff marks those that are held off: what is stopped and recorded, and what would
// start a unit that is held.
func (s *Service) sayHeldOff() {
	if s.Unit == nil {
		return
	}
	var held []string
	if there, err := isFile(markPath(s.Name)); there || err != nil {
		for _, unit := range s.units() {
			if slices.Contains(unit.DropIns, dropInPath(unit.ID, s.Name)) {
				held = append(held, unit.ID)
			}
		}
	}
	for i, t := range s.Triggers {
		loose := slices.ContainsFunc(t.starts, func(unit string) bool { return !slices.Contains(held, unit) })
		switch {
		case t.stops:
			if !t.Active && slices.Contains(s.recorded, t.Name) {
				s.Triggers[i].State = heldOff
			}
		case t.Active && len(t.starts) > 0 && !loose:
			s.Triggers[i].State, s.Triggers[i].Active = heldOff, false
		}
	}
}

// heldOff is the state of a trigger that is recorded.
const heldOff = "held off"

// HeldOff reports that it is held off, by whomever.
func (t Trigger) HeldOff() bool { return t.State == heldOff }

// HeldFor are the packages with which dpkg has to have done before what is held off is given
// back; none where that is not so.
func (s *Service) HeldFor() (packages []string) {
	for _, word := range s.packages {
		packages = append(packages, maintscript.Plain(word))
	}
	return packages
}

// accepting is the socket with Accept=yes that starts an instance NAME@... for each
// connection, "" if there is none. There may be no unit NAME at all then.
func (s *Service) accepting() string {
	for _, t := range s.Triggers {
		if t.accepts {
			return t.Name
		}
	}
	return ""
}

// Stoppable reports that there is something for invoke-rc.d to stop: not so where only
// inetd, or a template, has it.
func (s *Service) Stoppable() bool {
	return s.Script || s.Unit != nil && !s.Unit.Absent()
}

// daemons are the programs that the service is known to run.
func (s *Service) daemons() (paths []string, err error) {
	if s.Unit != nil {
		paths = append(paths, s.Unit.Program)
	}
	script, err := ReadInitScript(s.Name)
	paths = append(paths, script.Daemon)
	return slices.DeleteFunc(paths, func(path string) bool {
		return path == "" || (matcher.Daemon{Path: path}).RunsAnything() // python3 is many a service's
	}), err
}

// Active are the triggers that would start the service: those that can be held off,
// and those that cannot.
func (s *Service) Active() (holdable, others []Trigger) {
	for _, t := range s.Triggers {
		switch {
		case !t.Active:
		case t.Holdable:
			holdable = append(holdable, t)
		default:
			others = append(others, t)
		}
	}
	return holdable, others
}
