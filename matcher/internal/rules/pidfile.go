package rules

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"pidproof/matcher/internal/fact"
)

// PidfileLimit is how much of a pidfile is read: room for numbersLimit PIDs of seven digits,
// one a line. The first line is short in every one that was ever seen.
const PidfileLimit = 16384

// numbersLimit is how many PIDs a pidfile may name.
const numbersLimit = 1024

// PidfileState says what a pidfile's path led to.
type PidfileState int

const (
	PidfileUnread   PidfileState = iota // nobody looked
	PidfileAbsent                       // no such file, or /dev/null
	PidfileNames                        // it names a PID
	PidfileGarbage                      // readable, but its content is no PID: it names nobody
	PidfileUnusable                     // cannot be read, or is no regular file
)

func (s PidfileState) String() string {
	return [...]string{"not read", "absent", "names a process", "names nobody", "unusable"}[s]
}

// Pidfile is what was read from one pidfile, all from one open file.
type Pidfile struct {
	Path  string // "" when none was asked about
	State PidfileState
	Why   string // for garbage, unusable, and an absent file with a story (a dangling link)

	PID  int  // the first of the first line
	Rest PIDs // further PIDs on that line, which LSB allows
	// Lines are the numbers of the later lines, where nothing but numbers stands on them:
	// one a line, as haproxy's nbproc had it. Whether they are PIDs is for the rules.
	Lines PIDs

	Owner, Group int
	Mode         fs.FileMode // permission bits
	HardLinks    uint64
	ID           fact.FileID
	Written      time.Time // mtime
	// Ahead is by how much later than now that is: the clock was set back since, or the time
	// of the file was set (touch(1)). Negative as a rule.
	Ahead time.Duration

	// LinkOwners are the unprivileged users who own symbolic links on the way to
	// the file.
	LinkOwners []int

	// ACLWriter: an access control list (acl(5)) lets somebody else write it.
	ACLWriter bool

	Size int   // bytes read; 0 for an empty file
	Err  error // why it could not be read, where the kernel said so
}

func (p Pidfile) Absent() bool { return p.State == PidfileAbsent }

// NamesProcess reports that it holds a PID.
func (p Pidfile) NamesProcess() bool { return p.State == PidfileNames }

var (
	// ErrNoPID is wrapped where the content is no PID.
	ErrNoPID = errors.New("names no process")
	// ErrTooMany is wrapped where there are more PIDs than are looked at.
	ErrTooMany = errors.New("it names too many processes")
)

// PIDs are numbers of processes.
type PIDs []int

// Few are they as they stand in a sentence: few enough for a log line.
func (p PIDs) Few() string {
	var words []string
	for _, pid := range p {
		words = append(words, strconv.Itoa(pid))
	}
	return strings.Join(Abridge(words), " ")
}

// Numbers are what a pidfile holds, each once.
type Numbers struct {
	PID         int
	Rest, Lines PIDs
}

// All are the numbers in their order.
func (n Numbers) All() []int { return slices.Concat([]int{n.PID}, n.Rest, n.Lines) }

// Numbers are what was read.
func (p Pidfile) Numbers() Numbers { return Numbers{p.PID, p.Rest, p.Lines} }

// Abridged is a pidfile of which only so many of the numbers after the first count.
func (p Pidfile) Abridged(further int) Pidfile {
	onFirstLine := min(further, len(p.Rest))
	p.Rest, p.Lines = p.Rest[:onFirstLine], p.Lines[:min(further-onFirstLine, len(p.Lines))]
	return p
}

// SameContent reports that a pidfile that was read again still is that file, and says the same.
func (p Pidfile) SameContent(now Pidfile) bool {
	return now.State == p.State && now.ID == p.ID && slices.Equal(now.Numbers().All(), p.Numbers().All())
}

// ParsePID reads the content of a pidfile: the first line holds one PID or,
// as LSB 5.0 section 22.4 allows, several separated by blanks. Later lines count where
// each holds one number and nothing else (postmaster.pid's do not). It is strict where
// scanf("%d") is not: a sign, a hexadecimal number or `12abc` is damage, and damage names
// nobody.
func ParsePID(content []byte) (Numbers, error) {
	if len(content) == 0 {
		return Numbers{}, fmt.Errorf("%w: it is empty", ErrNoPID)
	}
	if bytes.IndexByte(content, 0) >= 0 {
		return Numbers{}, fmt.Errorf("%w: it holds NUL bytes, as after a power loss", ErrNoPID)
	}
	first, later, ended := strings.Cut(string(content), "\n")
	if !ended && len(content) >= PidfileLimit {
		return Numbers{}, fmt.Errorf("%w: its first line is longer than %d bytes", ErrNoPID, PidfileLimit-1)
	}
	words := fields(first)
	if len(words) == 0 {
		return Numbers{}, fmt.Errorf("%w: its first line is blank", ErrNoPID)
	}
	var onFirst []int
	for _, w := range words {
		n, err := parseNumber(w)
		if err != nil {
			return Numbers{}, err
		}
		onFirst = append(onFirst, n)
	}
	lines, cut := onePerLine(later, len(content) >= PidfileLimit)
	if cut || len(onFirst)+len(lines) > numbersLimit {
		return Numbers{}, fmt.Errorf("%w: more than %d", ErrTooMany, numbersLimit)
	}
	seen := map[int]bool{onFirst[0]: true}
	again := func(n int) bool {
		known := seen[n]
		seen[n] = true
		return known
	}
	return Numbers{onFirst[0], slices.DeleteFunc(onFirst[1:], again), slices.DeleteFunc(lines, again)}, nil
}

// onePerLine gives the numbers of the later lines, none where anything else stands there.
// cut: there are only numbers, and more than were read.
func onePerLine(later string, full bool) (numbers []int, cut bool) {
	for line := range strings.Lines(later) {
		words := fields(strings.TrimSuffix(line, "\n"))
		if len(words) == 0 {
			continue
		}
		n, err := parseNumber(words[0])
		if err != nil || len(words) > 1 {
			return nil, false
		}
		numbers = append(numbers, n)
	}
	return numbers, full && len(numbers) > 0
}

func fields(line string) []string {
	return strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' || r == '\r' })
}

func parseNumber(w string) (int, error) {
	shown := w
	if len(shown) > 20 {
		shown = shown[:20] + "..."
	}
	for _, c := range []byte(w) {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("%w: %q is no PID", ErrNoPID, shown)
		}
	}
	n, err := strconv.ParseUint(w, 10, 64)
	if err != nil || n < 1 || n > fact.PIDMax {
		return 0, fmt.Errorf("%w: %s is no PID between 1 and %d", ErrNoPID, shown, fact.PIDMax)
	}
	return int(n), nil
}

// Vouches reports whether the pidfile may speak for a process with this real
// and effective uid: whoever could write the file must have been able to
// signal that process anyway (CVE-2017-11747, CVE-2018-16888). why says what
// was found in either case.
func (p Pidfile) Vouches(uid, euid int) (ok bool, why string) {
	switch owner := p.Owner; {
	case p.Mode&0o002 != 0:
		return false, fmt.Sprintf("%s is writable by everyone (mode %04o)", p.Path, p.Mode)
	case p.ACLWriter:
		return false, fmt.Sprintf("an access control list lets others write %s (getfacl %s)", p.Path, p.Path)
	case p.HardLinks > 1:
		return false, fmt.Sprintf("%s has %d hard links: it may be some other file", p.Path, p.HardLinks)
	case slices.ContainsFunc(p.LinkOwners, func(uid int) bool { return uid != owner }):
		return false, fmt.Sprintf("%s is reached through a symbolic link that an unprivileged user owns", p.Path)
	case owner == 0 && p.Mode&0o020 != 0 && p.Group != 0:
		return false, fmt.Sprintf("%s is root's, but gid %d can write it (mode %04o)", p.Path, p.Group, p.Mode)
	case owner == 0:
		return true, "it is root's"
	case uid == owner && euid == owner:
		return true, fmt.Sprintf("it is uid %d's, and so is the process", owner)
	default:
		return false, fmt.Sprintf("%s is uid %d's, which may not vouch for a process of uid %d (effective %d)", p.Path, owner, uid, euid)
	}
}

// Adopts is an error for what an ordinary user may have started, unless the pidfile is his:
// his own process, or root's that runs a file which is setuid. Root's scripts would take care
// of his process then.
func (p Pidfile) Adopts(e fact.Evidence) error {
	switch {
	case !e.AsRoot || p.ID.Known() && p.Owner == e.UID && !isRoots(e):
		return nil
	case !isRoots(e):
		return fmt.Errorf("%d is of uid %d, who may have started it himself; if it is meant, write its number into %s", e.PID, e.UID, p.Path)
	case e.File.State == fact.Known && e.File.Value.Setuid && e.File.Value.Owner == 0:
		return fmt.Errorf("%d runs a setuid program, which anybody may have started; if it is meant, write its number into %s", e.PID, p.Path)
	case e.File.State == fact.Unreadable:
		return fmt.Errorf("whether %d runs a setuid program cannot be told: %w", e.PID, e.File.Err)
	}
	return nil
}

// WouldVouch reports that a pidfile which this user writes may speak for the process.
func (p Pidfile) WouldVouch(owner int, e fact.Evidence) bool {
	ok, _ := Pidfile{Path: p.Path, Owner: owner, Mode: 0o644, HardLinks: 1}.Vouches(e.UID, e.EUID)
	return ok
}

// Roots reports that only root can have put it there.
func (p Pidfile) Roots() bool { return p.Owner == 0 && len(p.LinkOwners) == 0 }
