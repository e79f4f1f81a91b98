package matcher

import (
	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
)

// The words of the layers below, in which a Report speaks.
type (
	Evidence  = fact.Evidence
	Socket    = fact.Socket
	Criteria  = rules.Criteria
	Daemon    = rules.Daemon
	Decision  = rules.Decision
	FileState = rules.FileState
	Pidfile   = rules.Pidfile
	Step      = rules.Step
)

const (
	Absent     = fact.Absent
	Known      = fact.Known
	Unreadable = fact.Unreadable

	Alive      = fact.Alive
	OtherPlace = fact.OtherPlace

	PidfileAbsent = rules.PidfileAbsent
	PidfileNames  = rules.PidfileNames

	NotThis   = rules.NotThis
	Plausible = rules.Plausible

	FileCurrent  = rules.FileCurrent
	FileRemoved  = rules.FileRemoved
	FileReplaced = rules.FileReplaced
	FileUnknown  = rules.FileUnknown

	RuleContested    = rules.RuleContested
	RuleContradicted = rules.RuleContradicted
	RuleCriteria     = rules.RuleCriteria
	RuleDeadline     = rules.RuleDeadline
	RuleGone         = rules.RuleGone
	RuleLate         = rules.RuleLate
	RuleNotOurProc   = rules.RuleNotOurProc
	RuleRecycled     = rules.RuleRecycled
	RuleReplaced     = rules.RuleReplaced
	RuleSameFile     = rules.RuleSameFile
	RuleScript       = rules.RuleScript
	RuleWrapper      = rules.RuleWrapper
	RuleUntrusted    = rules.RuleUntrusted
	RuleUnusable     = rules.RuleUnusable
)

var (
	Ancestors = kernel.Ancestors
	Caller    = kernel.Caller
	Children  = kernel.Children
	Listeners = kernel.Listeners
	MayHang   = kernel.MayHang
	ServesAt  = kernel.ServesAt
	Span      = rules.Span
	StartedAt = kernel.StartedAt
)
