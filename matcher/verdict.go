package matcher

// Verdict is the answer to "may this daemon be acted on through its pidfile?".
type Verdict int

const (
	// Unknown: it could not be decided. Touch nothing. It is the zero value, so
	// that whatever is left unset is never taken for permission.
	Unknown Verdict = iota
	// Running: the pidfile names this daemon.
	Running
	// Dead: there is a pidfile, it names nothing that runs this daemon, and
	// nothing unclaimed runs.
	Dead
	// NotRunning: no pidfile, and nothing unclaimed runs.
	NotRunning
	// Unclaimed: the daemon runs outside every pidfile.
	Unclaimed
)

var verdictNames = [...]string{"unknown", "running", "dead", "not-running", "unclaimed"}

func (v Verdict) String() string { return verdictNames[v] }

// Rule names what decided. Each has a line in doc.go and a fixture.
type Rule string

const (
	// About the pidfile itself.
	RuleNoPidfile   Rule = "no-pidfile"
	RuleNamesNobody Rule = "names-nobody"
	RuleUnusable    Rule = "unusable"

	// About the process it names, in this order; the first decisive one wins.
	RuleGone         Rule = "gone"
	RuleForeign      Rule = "foreign"
	RuleCriteria     Rule = "criteria"
	RuleNumber       Rule = "number"
	RuleSameFile     Rule = "same-file"
	RuleReplaced     Rule = "replaced"
	RuleScript       Rule = "script"
	RuleLocked       Rule = "locked"
	RuleStartedAs    Rule = "started-as"
	RuleUnreadable   Rule = "unreadable"
	RuleContradicted Rule = "contradicted"
	RuleMismatch     Rule = "mismatch"

	// About whose process it is, asked after one of them said "running".
	RuleUntrusted Rule = "untrusted"
	RuleRecycled  Rule = "recycled"
	RuleContested Rule = "contested"
	RuleLate      Rule = "late"

	// About asking at all.
	RuleNotOurProc Rule = "not-our-proc"
	RuleDeadline   Rule = "deadline"
)

// Outcome is what the rules say about one process.
type Outcome int

const (
	Undecided Outcome = iota // cannot tell
	Runs                     // it is the daemon
	Plausible                // it looks like the daemon; good enough to say so, never to act on
	NotThis                  // it is something else, or nobody
)

func (o Outcome) String() string {
	return [...]string{"undecided", "runs", "plausible", "not this daemon"}[o]
}

// FileState compares the running file with the one on disk.
type FileState int

const (
	FileUnknown  FileState = iota
	FileCurrent            // the same file
	FileReplaced           // the path holds another file now
	FileRemoved            // the path holds none
)

func (f FileState) String() string {
	return [...]string{"unknown", "current", "replaced", "removed"}[f]
}

// Step is one rule that was tried.
type Step struct {
	Rule    Rule
	Applied bool
	Why     string
}

// Decision is what the rules made of one process.
type Decision struct {
	Rule    Rule
	Outcome Outcome
	Weak    bool // by name only: not enough once time speaks against it
	File    FileState
	Why     string
	Steps   []Step
	Notes   []string // facts that did not decide, but that a person should know

	need factSet // facts the rules ask for before they can go on
}

// factSet is a set of facts that are costly or risky to read.
type factSet int

const (
	needArgv factSet = 1 << iota
	needScript
	needFilesystem
	needFile
	needLocks
	needParent
	needClaims
	needClock
)

// Role is what a process that runs the daemon is, seen from one instance.
type Role string

const (
	RoleMain      Role = "main"
	RoleWorker    Role = "worker"
	RoleOther     Role = "other instance"
	RoleForeign   Role = "foreign"
	RoleLeftover  Role = "leftover"
	RoleUnclaimed Role = "unclaimed"
	// RoleUnclear: it may run the daemon; its executable cannot be read.
	RoleUnclear Role = "unclear"
)

// Process is one process that runs the daemon.
type Process struct {
	Evidence Evidence
	Decision Decision
	Role     Role
	Instance string         // RoleOther: the pidfile that claims it
	Main     bool           // RoleOther: the pidfile names this very process
	Sockets  Fact[[]Socket] // those it listens on; read where the question needs it

	// Set while it is held, see Instance.Hold.
	pin  process
	host *host
}

// Report is the whole answer.
type Report struct {
	Verdict Verdict
	// PidfileVerdict is what the pidfile and its process alone say: never
	// Unclaimed. LSB's functions answer with it.
	PidfileVerdict Verdict

	Rule   Rule
	Reason string // one sentence, for a log

	Daemon  Daemon
	Pidfile Pidfile

	// Main is the process the pidfile names; nil when it names none.
	Main *Process
	// Others are the other processes that run this daemon, by PID; only filled
	// when Scanned.
	Others  []Process
	Scanned bool
	// Blind is why Others may lack some; "" when all were seen.
	Blind string
	Notes []string
}

// Blocking are the processes that made the verdict Unclaimed.
func (r Report) Blocking() []Process { return r.WithRole(RoleLeftover, RoleUnclaimed) }

// WithRole are the other processes that have one of these roles.
func (r Report) WithRole(roles ...Role) []Process {
	var out []Process
	for _, p := range r.Others {
		for _, role := range roles {
			if p.Role == role {
				out = append(out, p)
			}
		}
	}
	return out
}
