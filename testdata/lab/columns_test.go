package lab

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"pidproof/testdata/waiting"
)

// step is an action of an init script, and what is right by what was started and ended before.
type step struct {
	when   string
	before string // of the functions in happenings
	action string
	right  came
}

func (s step) name() string { return s.action + ", " + s.when }

// came is what an action came to.
type came struct {
	code int
	runs string // the service's processes, beside those of before: "1 kept", "2 new", "1 kept, 1 new", "none"
}

func (c came) String() string { return fmt.Sprintf("%d, %s", c.code, c.runs) }

// wrong is what a step comes to where the stock tools are wrong. Where ours are, too, there is a reason.
type wrong struct {
	stock, ours came
	why         string
}

// TestColumns plays the life of services with their unedited init scripts on two hosts, one of which has the hook and the
// wrapper, and prints in two columns what that came to. Wherever the stock tools are right, ours are. (issue 15)
func TestColumns(t *testing.T) {
	t.Parallel()
	tree := columnsTree(t)
	var mu sync.Mutex
	played := map[string]map[string][]came{"stock": {}, "ours": {}}
	t.Run("hosts", func(t *testing.T) {
		for host := range played {
			t.Run(host, func(t *testing.T) {
				t.Parallel()
				h := Boot(t)
				h.Copy(t, tree, "/")
				h.Must(t, columnsSetup)
				for name, text := range standIns {
					h.put(t, "etc/init.d/"+name, text)
				}
				if host == "ours" {
					installPidproof(t, h)
					installWrapper(t, h)
				}
				for _, group := range columns {
					t.Run(group[0].name, func(t *testing.T) {
						t.Parallel()
						for _, c := range group {
							all := c.play(t, h, host)
							mu.Lock()
							played[host][c.name] = all
							mu.Unlock()
						}
					})
				}
			})
		}
	})
	var table bytes.Buffer
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "script\taction\twhen\tstock\tours\tright\tours is wrong because")
	for _, group := range columns {
		for _, c := range group {
			c.judge(t, w, played["stock"][c.name], played["ours"][c.name])
		}
	}
	w.Flush()
	t.Logf("\n%s", &table)
}

// judge prints the steps, and fails the test where ours is wrong without a reason, or right in spite of one.
func (c compared) judge(t *testing.T, w *tabwriter.Writer, stock, ours []came) {
	t.Helper()
	for i, s := range c.steps() {
		if i >= min(len(stock), len(ours)) {
			t.Errorf("%s: not played to its end", c.name)
			return
		}
		known := c.wrong[s.name()]
		fmt.Fprintf(w, "%s\t%s\t%s\t%v\t%v\t%v\t%s\n", c.name, s.action, s.when, stock[i], ours[i], s.right, known.why)
		switch {
		case ours[i] == s.right && known.why == "":
		case ours[i] == s.right:
			t.Errorf("%s: %s: %v is right, and was known to be wrong: %s", c.name, s.name(), ours[i], known.why)
		case stock[i] == s.right:
			t.Errorf("%s: %s: %v, where stock is right with %v", c.name, s.name(), ours[i], stock[i])
		case ours[i] != known.ours || known.why == "":
			t.Errorf("%s: %s: %v, want %v (stock: %v)", c.name, s.name(), ours[i], s.right, stock[i])
		}
	}
}

// play takes the steps one after another until something runs that should not, and then leaves nothing running.
func (c compared) play(t *testing.T, h *Host, host string) (all []came) {
	t.Helper()
	h.Must(t, c.setup)
	defer func() { h.Must(t, c.happens(c.running(t, h), "crash; clear; rm -f $PIDFILE")) }()
	for _, s := range c.steps() {
		before := c.running(t, h)
		if s.before != "" {
			h.Must(t, c.happens(before, s.before))
			before, _ = apart(c.running(t, h), before)
		}
		result := h.Sh(t, "/etc/init.d/"+c.script+" "+s.action+" 2>&1")
		if c.more != "" && s.action != "status" && s.action != "stop" {
			h.Must(t, c.more)
		}
		want := s.right.runs
		if known, ok := c.wrong[s.name()]; ok && host == "stock" {
			want = known.stock.runs
		} else if known.why != "" {
			want = known.ours.runs
		}
		var kept, fresh []int
		is := came{code: result.Code}
		waiting.Until(func() bool {
			kept, fresh = apart(c.running(t, h), before)
			is.runs = c.told(t, h, kept, fresh)
			return is.runs == want
		})
		all = append(all, is)
		if is.runs != want {
			t.Errorf("%s: %s, %s: %v, want %s: %s", host, c.name, s.name(), is, want, result.Stdout)
			return all
		}
		if is.runs != s.right.runs {
			c.putRight(t, h, s.right.runs, kept, fresh)
		}
	}
	return all
}

// putRight makes of what a wrong step has left what a right one would have.
func (c compared) putRight(t *testing.T, h *Host, right string, kept, fresh []int) {
	t.Helper()
	switch {
	case right == "none":
		h.Must(t, c.happens(slices.Concat(kept, fresh), `crash; [ ! -e "$INNOCENT" ] || [ -e "/proc/$(cat "$INNOCENT")" ] || clear`))
	case strings.HasSuffix(right, "kept"):
		h.Must(t, c.happens(fresh, "crash"))
	default:
		h.Must(t, c.happens(kept, "crash"))
		if len(fresh) == 0 {
			h.Must(t, fmt.Sprintf("rm -f %s; /etc/init.d/%s start; %s", c.pidfile, c.script, c.more))
		}
	}
}
