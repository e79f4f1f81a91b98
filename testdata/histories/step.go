package histories

import "fmt"

// Step is something that happens. Its numbers choose among what there is at that
// moment, so that a history stays one when steps before are left out.
type Step struct {
	Do         string
	A, B, C, D int
}

func (s Step) GoString() string { return fmt.Sprintf("{%q %d %d %d %d}", s.Do, s.A, s.B, s.C, s.D) }

// steps are all that may happen, and how often beside the others; each tells what it did,
// or nothing where it cannot be done.
var steps = map[string]struct {
	often int
	do    func(*world, Step) error
}{
	"start":        {16, (*world).start},
	"start a link": {4, (*world).startLink},
	"namesake":     {3, (*world).startNamesake},
	"kill":         {8, (*world).killMain},
	"kill worker":  {4, (*world).killWorker},
	"TERM":         {3, (*world).term},
	"replace":      {5, (*world).upgrade},
	"remove":       {3, (*world).removeFile},
	"move":         {8, (*world).move},
	"move back":    {1, (*world).moveBack},
	"unlink":       {2, (*world).unlink},
	"bind":         {1, (*world).bindMount},
	"lose":         {4, (*world).lose},
	"empty":        {2, (*world).damage},
	"rewrite":      {5, (*world).rewrite},
	"age":          {5, (*world).age},
	"soon":         {2, (*world).soon},
	"set clock":    {3, (*world).setClock},
	"hide elder":   {3, (*world).hideElder},
	"recycle":      {12, (*world).recycle},
	"register":     {5, (*world).register},
	"ask":          {2, (*world).askAcross},
	"killproc":     {4, (*world).killproc},
	"restart":      {2, (*world).restart},
	"adopt":        {4, (*world).adopt},
}

// pick chooses among what there is.
func pick[T any](of []T, n int) (one T, is bool) {
	if len(of) == 0 {
		return one, false
	}
	return of[n%len(of)], true
}

func (w *world) daemon(n int) string { return w.daemons[n%len(w.daemons)] }

// pidfileOf chooses one of a daemon's, or none.
func (w *world) pidfileOf(daemon string, n int) *pidfile {
	of := append(w.of(daemon), nil)
	return of[n%len(of)]
}

// mains are the processes that were started, and whose workers may live.
func (w *world) mains(worker bool) []*process {
	var of []*process
	for _, p := range w.processes() {
		if (p.pid != p.group) == worker {
			of = append(of, p)
		}
	}
	return of
}

// askAcross asks about a pidfile with either daemon.
func (w *world) askAcross(s Step) error {
	f := w.instances()[s.A%len(w.instances())]
	daemon := w.daemon(s.B)
	w.tell("check -p %s %s", f, daemon)
	if err := w.tellable(); err != nil {
		return err
	}
	return w.check(f, daemon)
}
