package audit

import (
	"cmp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// ssdOptions is what a line of start-stop-daemon(8) says.
type ssdOptions struct {
	stop, start, status, test bool
	exec, name, user, pidfile bool
	pid, parent, signal, ends bool
	execWord, pidWord         *syntax.Word
	names                     []string
	opaque                    bool // part of it is not known: it may say more
}

// withValue are the letters whose option takes a value.
const withValue = "anpxugcrdsRkIPNO" + string(letterOfPid) + string(letterOfParent)

// Letters that no program has, for long options without one.
const (
	letterOfPid    = '1'
	letterOfParent = '2'
)

// letterOf is the letter of a long option, 0 of one that says nothing here.
func letterOf(long string) byte {
	switch long {
	case "--exec":
		return 'x'
	case "--startas":
		return 'a'
	case "--name":
		return 'n'
	case "--user":
		return 'u'
	case "--pidfile":
		return 'p'
	case "--pid":
		return letterOfPid
	case "--ppid":
		return letterOfParent
	case "--stop":
		return 'K'
	case "--start":
		return 'S'
	case "--status":
		return 'T'
	case "--test":
		return 't'
	case "--signal":
		return 's'
	case "--retry":
		return 'R'
	case "--chuid":
		return 'c'
	case "--group":
		return 'g'
	case "--chroot":
		return 'r'
	case "--chdir":
		return 'd'
	case "--umask":
		return 'k'
	case "--nicelevel":
		return 'N'
	case "--iosched":
		return 'I'
	case "--procsched":
		return 'P'
	case "--output":
		return 'O'
	}
	return 0
}

// longOptions are those of dpkg's, see start-stop-daemon(8).
var longOptions = strings.Fields("--exec --startas --name --user --pidfile --pid --ppid --stop --start --status --test --signal --retry --chuid --group --chroot --chdir --umask --nicelevel --iosched --procsched --output " +
	"--oknodo --make-pidfile --remove-pidfile --background --no-close --quiet --verbose --help --version --notify-await --notify-timeout")

// wholeOption: getopt_long(3) takes the beginning of an option for it, where it is no other's.
func wholeOption(long string) string {
	its := ""
	for _, option := range longOptions {
		switch {
		case option == long:
			return long
		case !strings.HasPrefix(option, long):
		case its != "":
			return long
		default:
			its = option
		}
	}
	return cmp.Or(its, long)
}

func (f *finder) ssdOptions(args []*syntax.Word) ssdOptions {
	o := f.ssdWords(args)
	o.ends = o.ends || !o.signal
	o.stop = o.stop || o.signal && !o.start && !o.status // OpenRC's has it without --stop
	return o
}

func (f *finder) ssdWords(args []*syntax.Word) (o ssdOptions) {
	for i := 0; i < len(args); i++ {
		values := f.values(args[i])
		if len(values) == 0 {
			continue
		}
		words := strings.Fields(values[0])
		for w := 0; w < len(words); w++ {
			switch word := words[w]; {
			case word == "--":
				return o
			case strings.HasPrefix(word, unknown):
				o.opaque = true
			case strings.HasPrefix(word, "--"):
				long, value, has := strings.Cut(word, "=")
				letter := letterOf(wholeOption(long))
				if letter == 0 {
					continue
				}
				next := !has && strings.IndexByte(withValue, letter) >= 0 && w == len(words)-1 && i+1 < len(args)
				var given *syntax.Word
				if next {
					i++
					given = args[i]
					value = first(f.values(given))
				} else if letter == letterOfPid {
					given = args[i]
				}
				if !has && !next && strings.IndexByte(withValue, letter) >= 0 && w+1 < len(words) { // O="--pid $pid"
					w++
					value = words[w]
				}
				o.set(letter, value, given)
			case strings.HasPrefix(word, "-"):
				for l := 1; l < len(word); l++ {
					letter := word[l]
					if strings.IndexByte(withValue, letter) < 0 {
						o.set(letter, "", nil)
						continue
					}
					value := word[l+1:]
					var given *syntax.Word
					if value == "" && w == len(words)-1 && i+1 < len(args) {
						i++
						given = args[i]
						value = first(f.values(given))
					}
					o.set(letter, value, given)
					break
				}
			}
		}
	}
	return o
}

func first(values []string) string {
	if len(values) == 0 {
		return unknown
	}
	return values[0]
}

func (o *ssdOptions) set(letter byte, value string, given *syntax.Word) {
	switch letter {
	case 'K':
		o.stop = true
	case 'S':
		o.start = true
	case 'T':
		o.status = true
	case 't':
		o.test = true
	case 'x':
		o.exec, o.execWord = true, given
	case 'a':
		if o.execWord == nil {
			o.execWord = given
		}
	case 'n':
		o.name = true
		o.names = append(o.names, value)
	case 'u':
		o.user = true
	case 'p':
		o.pidfile = true
	case 's':
		o.signal, o.ends = true, endingSignal.Compiled().MatchString(value)
	case letterOfPid:
		o.pid, o.pidWord = !strings.Contains(value, "/"), given // before dpkg had it, it was short for --pidfile
	case letterOfParent:
		o.parent = true
	}
}

func (f *finder) startStopDaemon(s *syntax.Stmt, c command) {
	o := f.ssdOptions(c.args)
	if o.exec || o.opaque || !o.stop && !o.status {
		return
	}
	long := slices.ContainsFunc(o.names, func(name string) bool { return len(name) > 15 && !strings.Contains(name, unknown) })
	switch {
	case o.pid && !o.pidfile && !o.name && !o.user:
		f.byNumber(s, o)
	case o.pidfile && !o.name && !o.user:
		f.add(s, SSDPidfile, c.wrapper())
	case !o.pidfile && !o.pid && (o.name || o.user || o.parent):
		if found := f.add(s, SSDName, ""); long {
			found.Hazards = append(found.Hazards, LongName)
		}
	case long:
		found := f.add(s, SSDName, c.wrapper())
		found.Hazards = []Hazard{LongName}
	}
}

var endingSignal = pattern(`^-?(SIG)?(TERM|KILL|INT|QUIT|ABRT|2|3|6|9|15)$|\x00`)

func (c command) wrapper() string {
	if c.elsewhere {
		return ""
	}
	return "wrapper"
}

// byNumber: start-stop-daemon --pid N is kill N, or kill -0 N. The wrapper has nothing to compare the number with.
func (f *finder) byNumber(s *syntax.Stmt, o ssdOptions) {
	if n := f.numberOf(o.pidWord); n.from == ofChild || n.from == ofSelf {
		return
	}
	if o.status || o.test {
		f.add(s, Kill0, "")
		return
	}
	f.add(s, Kill, "")
}

// stop is a place where our wrapper or our hook is asked to stop the daemon.
type stop struct {
	at     uint
	in, by string
	// pidfiles are those that it may be asked for, nil where nobody knows.
	pidfiles []string
}

// stoppedBefore: in the same function, or in the whole script where it is in none, a stop that
// our wrapper or hook sees comes first, and fails where the daemon has not ended.
func (f *finder) stoppedBefore(s *syntax.Stmt, c command) string {
	in := f.inside(s)
	for _, stop := range f.stops() {
		if stop.in == in && stop.at < s.Pos().Offset() && !f.flow().exclusive(stop.at, s.Pos().Offset()) && !f.ofAnother(stop, c) {
			return stop.by
		}
	}
	return ""
}

// ofAnother: the stop is by a pidfile that is none of those that are removed.
func (f *finder) ofAnother(stop stop, c command) bool {
	var removed []string
	for _, w := range c.args {
		if f.isPidfile(w) || namesPID(w) {
			its := f.known(w)
			if its == nil {
				return false
			}
			removed = append(removed, its...)
		}
	}
	return stop.pidfiles != nil && removed != nil && !slices.ContainsFunc(removed, func(path string) bool { return slices.Contains(stop.pidfiles, path) })
}

// known are the values of a word, nil unless all of them are known and one file's.
func (f *finder) known(w *syntax.Word) []string {
	if w == nil {
		return nil
	}
	values := f.values(w)
	if slices.ContainsFunc(values, func(v string) bool { return strings.ContainsAny(v, unknown+"*?[ ") }) {
		return nil
	}
	return values
}

// killprocEnds: no signal is one, too; that of a reload is none.
func (f *finder) killprocEnds(args []*syntax.Word) bool {
	for i, w := range args {
		values := f.values(w)
		if i == 0 || len(values) != 1 || len(values[0]) < 2 {
			continue
		}
		word := strings.TrimPrefix(strings.TrimPrefix(values[0], "-"), "SIG")
		if signalName.Compiled().MatchString(word) && (i == len(args)-1 || values[0][0] == '-') && args[i-1].Lit() != "-p" {
			return endingSignal.Compiled().MatchString(word)
		}
	}
	return true
}

var signalName = pattern(`^([0-9]+|HUP|INT|QUIT|ABRT|KILL|TERM|USR[12]|STOP|CONT|WINCH|TSTP|ALRM|CHLD|URG|IO|PIPE)$`)

func (f *finder) lookForStops() (stops []stop) {
	for _, file := range f.script.files {
		walk(file, func(n syntax.Node) bool {
			call, is := n.(*syntax.CallExpr)
			if !is {
				return true
			}
			for _, c := range f.commands(call) {
				by := ""
				switch c.name {
				case "start-stop-daemon":
					if o := f.ssdOptions(c.args); o.stop && !o.test && o.ends && (o.exec || o.pidfile) {
						by = c.wrapper()
					}
				case "killproc":
					if f.killprocEnds(c.args) {
						by = f.hook()
					}
				}
				if by != "" {
					stops = append(stops, stop{call.Pos().Offset(), f.inside(call), by, f.known(optionValue(f.source, c.args, "-p", "--pidfile"))})
				}
			}
			return true
		})
	}
	return stops
}
