package rules

import "cmp"

// Rule names what decided. Each has a line in doc.go and a fixture.
type Rule string

const (
	// About the pidfile itself.
	RuleNoPidfile   Rule = "no-pidfile"
	RuleNamesNobody Rule = "names-nobody"
	RuleUnusable    Rule = "unusable"
	RuleSeveral     Rule = "several"

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
	RuleWrapper      Rule = "wrapper"
	RuleUnreadable   Rule = "unreadable"
	RuleBecame       Rule = "became"
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

func (o Outcome) Plausible() bool { return o == Plausible }
func (o Outcome) NotThis() bool   { return o == NotThis }

// FileState compares the running file with the one on disk.
type FileState string

const (
	FileUnknown  FileState = ""
	FileCurrent  FileState = "current"  // the same file
	FileReplaced FileState = "replaced" // the path holds another file now
	FileRemoved  FileState = "removed"  // the path holds none
)

func (f FileState) String() string { return cmp.Or(string(f), "unknown") }

func (f FileState) Known() bool   { return f != FileUnknown }
func (f FileState) Current() bool { return f == FileCurrent }
func (f FileState) Removed() bool { return f == FileRemoved }

// Outdated reports that the file was replaced or removed.
func (f FileState) Outdated() bool { return f == FileReplaced || f == FileRemoved }

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

	Need FactSet // facts the rules ask for before they can go on
}

// FactSet is a set of facts that are costly or risky to read.
type FactSet int

const (
	NeedArgv FactSet = 1 << iota
	NeedScript
	NeedFilesystem
	NeedBeside
	NeedCalledBeside
	NeedFile
	NeedLocks
	NeedBelow
	NeedParent
	NeedClaims
	NeedClock
)
