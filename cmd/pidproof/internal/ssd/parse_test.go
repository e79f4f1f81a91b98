package ssd

import (
	"errors"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"unicode"
)

// words splits at blanks; two single quotes are an empty word.
func words(line string) []string {
	args := strings.Fields(line)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "''", "")
	}
	return args
}

func TestParse(t *testing.T) {
	const term = syscall.SIGTERM
	for line, want := range map[string]Options{
		"--stop --pid 7":          {Action: Stop, PID: 7, Signal: term},
		"-K --ppid=7":             {Action: Stop, PPID: 7, Signal: term},
		"--pidfile /run/d.pid -T": {Action: Status, Pidfile: "/run/d.pid", Signal: term},
		"-Kp/run/d.pid":           {Action: Stop, Pidfile: "/run/d.pid", Signal: term},
		"-Kp f -xd -n name -u 33": {Action: Stop, Pidfile: "f", Exec: "d", Name: "name", User: "33", Signal: term},
		"-KoqtR5 -nd": {Action: Stop, Name: "d", Signal: term, Retry: timeout(15, 5),
			OKNoDo: true, Quiet: true, Test: true},
		"--stop -nd --retry 5 -s USR1": {Action: Stop, Name: "d", Signal: syscall.SIGUSR1, Retry: timeout(10, 5)},
		"--stop -nd -s SIGHUP":         {Action: Stop, Name: "d", Signal: syscall.SIGHUP},
		"--stop -nd -s 0":              {Action: Stop, Name: "d", Signal: 0},

		// The last of an option counts, whatever an earlier one was.
		"--stop --stop --pid x --pid 7":  {Action: Stop, PID: 7, Signal: term},
		"--stop -n '' -n d -s no -s HUP": {Action: Stop, Name: "d", Signal: syscall.SIGHUP},
		"--stop -nd --quiet --verbose":   {Action: Stop, Name: "d", Signal: term, Verbose: true},
		"--stop -nd --verbose --quiet":   {Action: Stop, Name: "d", Signal: term, Quiet: true},
		"--stop -nd --retry / --retry TERM/5/KILL": {Action: Stop, Name: "d", Signal: term,
			Retry: &Schedule{Steps: []Step{send(15), wait(5), send(9)}, Repeat: -1}},

		// Operands.
		"a --stop b --name d -- --c -d": {Action: Stop, Name: "d", Signal: term, Args: []string{"a", "b", "--c", "-d"}},
		"--stop --name -- --quiet -":    {Action: Stop, Name: "--", Signal: term, Quiet: true, Args: []string{"-"}},
		"-Sx/d -r /srv -d/ -bCO/log -mp f --remove-pidfile -- -D": {Action: Start, Exec: "/d", Chroot: "/srv", Chdir: "/", Signal: term,
			Pidfile: "f", MakePidfile: true, RemovePidfile: true, Background: true, Args: []string{"-D"}},
		"--start --startas /bin/d --user d": {Action: Start, Startas: "/bin/d", User: "d", Signal: term},
		"--start --exec d --chuid a:b --umask 022 -N5 -P fifo:1 -I idle --notify-await --notify-timeout 9": {
			Action: Start, Exec: "d", Chuid: "a", Group: "b", Signal: term},
		"--start --exec d -c a:b -g c -c d": {Action: Start, Exec: "d", Chuid: "d", Group: "c", Signal: term},
		"--pidof --exec d":                  {Action: Pidof, Exec: "d", Signal: term},

		// Abbreviations.
		"--sto --pidf f --exe d --ok --verb --rem": {Action: Stop, Pidfile: "f", Exec: "d", Signal: term,
			OKNoDo: true, Verbose: true, RemovePidfile: true},
		"--start --na=d --startas=d": {Action: Start, Name: "d", Startas: "d", Signal: term},

		// Empty where dpkg, too, finds the process as if it were not given.
		"--stop -nd --startas '' --chroot= --chdir ''": {Action: Stop, Name: "d", Signal: term},

		"--help":               {Action: Help},
		"--stop -qH --bogus":   {Action: Help},
		"--status -V --stop -": {Action: Version},
	} {
		got, err := Parse(words(line), Dpkg)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", line, got, err, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	unknown := ErrUnknownOption.Error()
	for line, want := range map[string]struct {
		action Action
		err    string
	}{
		"":           {ActionNone, "no command: write one of --start, --stop and --status"},
		"--pid 7":    {ActionNone, "no command"},
		"--stop":     {Stop, "nothing says which process: write at least one of --exec,"},
		"--stop -d/": {Stop, "nothing says which process"},

		"--stop --start":             {Stop, "more than one command"},
		"--stop --start --help":      {Stop, "more than one command"},
		"--stop --start --status":    {Status, "more than one command"},
		"--status --stop":            {Status, "more than one command"},
		"--stop --pidof":             {Pidof, "more than one command"},
		"-K -P -p f -x d":            {Stop, `--procsched "-p": write other, or fifo or rr with a priority, as fifo:1; dpkg refuses it, too`},
		"-T -I x -n d":               {Status, `--iosched "x": write idle, or real-time`},
		"-K -k u=rw -n d":            {Stop, `--umask "u=rw": write a number, as 022`},
		"-K --notify-timeout x -n d": {Stop, `--notify-timeout "x": write seconds`},
		"-S -bO log -x d":            {Start, `--output "log": write a path with a slash`},
		"-K -c u: -n d":              {Stop, `--chuid "u:": write a group after the colon, or no colon`},
		"-K -c :g -n d":              {Stop, `--chuid "": write a user before the colon: is a variable empty?`},
		"-K -g= -g '' -n d":          {Stop, `--group "": write a group: is a variable empty?`},
		"--bogus --status":           {Status, unknown + ` "--bogus"`},
		"--bogus --stop --help":      {ActionNone, unknown + ` "--bogus"`},
		"--status --bogus=x":         {Status, unknown + ` "--bogus"`},
		"-Kz -n d":                   {Stop, unknown + ` "-z"`},
		"-K- -n d":                   {Stop, unknown + ` "--"`},
		"-zT":                        {Status, unknown + ` "-z"`},
		"-T\x00 -n d":                {Status, unknown + ` "-\x00"`}, // no option's missing letter
		"-Té -n d":                   {Status, unknown + ` "-\xc3"`},
		"--status --pid x --umask":   {Status, "--umask needs a value: --umask MASK"},
		"--stop -p":                  {Stop, "--pidfile needs a value: --pidfile PIDFILE"},
		"--stop --quiet=x":           {Stop, "--quiet takes no value: write --quiet alone"},
		"--stop --quiet=":            {Stop, "--quiet takes no value"},
		"--status=x":                 {Status, "--status takes no value"},
		"--stop --pi 7":              {Stop, "--pi is ambiguous: write --pidof or --pid or --pidfile"},
		"--stop --start= --notify 7": {Stop, "--start takes no value"},
		"--status --= x":             {Status, "-- is ambiguous: write --start or --stop or"},

		"--stop --pid 0":                {Stop, `--pid "0": write a number greater than 0`},
		"--stop --pid=''":               {Stop, `--pid "": write a number`},
		"--stop --ppid -1":              {Stop, `--ppid "-1": write a number`},
		"--stop --ppid 7x":              {Stop, `--ppid "7x": write a number`},
		"--stop --pid 2147483648":       {Stop, `--pid "2147483648": write a number`},
		"--status --pid 7 --pid x":      {Status, `--pid "x": write a number`},
		"--stop --pidfile ''":           {Stop, "--pidfile has an empty value: is the variable after it set?"},
		"--stop --exec= --pid 7":        {Stop, "--exec has an empty value"},
		"--stop --name d --name=''":     {Stop, "--name has an empty value"},
		"--status -u ''":                {Status, "--user has an empty value"},
		"--stop --pid 7 --signal term":  {Stop, `--signal: "term" is no signal: write a name like TERM`},
		"--stop --pid 7 --retry TERM":   {Stop, `--retry: "TERM" is no schedule`},
		"--status --pid 7 --retry 5x/5": {Status, `--retry: schedule "5x/5": "5x" is no number of seconds`},

		"--start --pid 7":                              {Start, "nothing says what to start: write --exec or --startas"},
		"--start --pid 7 --startas ''":                 {Start, "nothing says what to start"},
		"--start -xd --make-pidfile":                   {Start, "--make-pidfile does not say which file: write --pidfile"},
		"--stop -xd --remove-pidfile":                  {Stop, "--remove-pidfile does not say which file: write --pidfile"},
		"--stop --pid 7 --pidfile f":                   {Stop, "--pid and --pidfile exclude each other"},
		"--stop --pid 7 --background":                  {Stop, "--background is for --start only"},
		"--status --pid 7 -C":                          {Status, "--no-close is for --background only"},
		"--start -xd --output /log":                    {Start, "--output is for --background only"},
		"--start -xd --no-close --notify-await -- -bm": {Start, "--no-close is for --background only"},
	} {
		got, err := Parse(words(line), Dpkg)
		if err == nil || !strings.Contains(err.Error(), want.err) || !reflect.DeepEqual(got, Options{Action: want.action}) {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", line, got, err, want)
		}
		if unknown := strings.HasPrefix(want.err, unknown); errors.Is(err, ErrUnknownOption) != unknown {
			t.Errorf("%s: unknown %v: %v", line, unknown, err)
		}
	}
}

// TestParseOpenRC: its letters mean what they do there, and its names take their values.
func TestParseOpenRC(t *testing.T) {
	const term = syscall.SIGTERM
	for line, want := range map[string]Options{
		"-K -P -p f -x d":                                  {Action: Stop, Pidfile: "f", Exec: "d", Signal: term},
		"--stop --progress -p f -i -e A=b -w 5 -C":         {Action: Stop, Pidfile: "f", Signal: term},
		"--stop -n d -u a:b -I 2:4 -k u=rwx":               {Action: Stop, Name: "d", User: "a", Group: "b", Signal: term},
		"-S -x d -1 /o --stderr /e -G --stdout-logger 'l'": {Action: Start, Exec: "d", Signal: term, StopGroup: true},
		"--stop --stop-group -p f":                         {Action: Stop, Pidfile: "f", Signal: term, StopGroup: true},
	} {
		got, err := Parse(words(line), OpenRC)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", line, got, err, want)
		}
	}
	if _, err := Parse(words("--stop -p f --bogus"), OpenRC); !errors.Is(err, ErrUnknownOption) {
		t.Error(err)
	}
	seen := map[any]bool{}
	for _, o := range OpenRC.options() {
		if seen[o.Long] || o.Short != 0 && seen[o.Short] {
			t.Errorf("twice: %+v", o)
		}
		seen[o.Long], seen[o.Short] = true, true
	}
}

func TestParseKeepsItsArguments(t *testing.T) {
	args := words("-K a --na d b -- c")
	if _, err := Parse(args, Dpkg); err != nil || !reflect.DeepEqual(args, words("-K a --na d b -- c")) {
		t.Errorf("%q, %v", args, err)
	}
}

// FuzzParse takes lines with one word on each.
func FuzzParse(f *testing.F) {
	for _, line := range []string{
		"--stop --pidfile /run/d.pid --retry TERM/30/KILL/5", "-KoqR5 -nd", "--start -x/bin/d -mbp f -- -D", "--status --pid 7",
		"--bogus --status", "--pi=7 --stop", "-T\x00 -né", "--stop --name '' --name d a - --", "-H", "--retry forever/0/5 --stop -u0",
	} {
		f.Add(strings.Join(words(line), "\n"), false)
		f.Add(strings.Join(words(line), "\n"), true)
	}
	f.Fuzz(func(t *testing.T, lines string, openrc bool) {
		dialect := Dpkg
		if openrc {
			dialect = OpenRC
		}
		args := strings.Split(lines, "\n")
		o, err := Parse(args, dialect)
		switch {
		case err != nil:
			if !reflect.DeepEqual(o, Options{Action: o.Action}) || o.Action == Help || o.Action == Version {
				t.Fatalf("%q: %+v with error %v", args, o, err)
			}
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Fatalf("%q: unprintable error %q", args, err)
			}
			return
		case o.Action == Help || o.Action == Version:
			if !reflect.DeepEqual(o, Options{Action: o.Action}) {
				t.Fatalf("%q: %+v", args, o)
			}
			return
		}
		matching := o.PID > 0 || o.PPID > 0 || o.Pidfile+o.Exec+o.Name+o.User != ""
		for name, holds := range map[string]bool{
			"a command":                  o.Action == Start || o.Action == Stop || o.Action.Asks(),
			"a process":                  matching && o.PID >= 0 && o.PPID >= 0,
			"something to start":         o.Action != Start || o.Exec+o.Startas != "",
			"a pidfile to make, remove":  o.Pidfile != "" || !o.MakePidfile && !o.RemovePidfile,
			"PID or pidfile":             o.PID == 0 || o.Pidfile == "",
			"only --start in background": o.Action == Start || !o.Background,
			"quiet or verbose":           !o.Quiet || !o.Verbose,
			"a signal":                   o.Signal >= 0 && o.Signal <= maxSignal,
			"no word twice":              len(o.Args) < len(args),
		} {
			if !holds {
				t.Fatalf("%q: not so: %s: %+v", args, name, o)
			}
		}
		if o.Retry != nil {
			checkSchedule(t, o.Retry)
		}
	})
}
