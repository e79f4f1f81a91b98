package matcher

import (
	"sync"

	"pidproof/matcher/internal/kernel"
)

// host is a system that is asked about a daemon, and where its pidfiles are.
type host struct {
	*kernel.System
	run  []string // directories that hold pidfiles of other instances
	sbin string   // where a daemon's bare name is looked up first
	path string   // PATH, for bare names

	registered func() (pidfiles []string, missed int) // nil: none
	further    []string                               // pidfiles that are named elsewhere

	walkOnce sync.Once // once for a question
	walked   *pidfileWalk
	parents  sync.Map // of parentOf: who was judged
	clocks   sync.Map // by a pidfile's FileID: the witness it is; a thousand numbers may ask
	daemons  sync.Map // by path, what findDaemon says of a process's program; a thousand may run one
}

func thisHost() *host {
	return &host{System: kernel.ThisSystem(), run: []string{"/run", "/var/run"}, sbin: kernel.Sbin, path: kernel.SearchPath()}
}
