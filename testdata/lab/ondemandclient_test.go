package lab

import (
	"bufio"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// load is a client that connects to a service in the host again and again, until the test ends.
type load struct {
	*Host
	address string
	stop    chan struct{}
	ended   chan struct{}

	mu    sync.Mutex
	tried []attempt
}

// attempt is one connection: answered, refused, or given up.
type attempt struct {
	began  time.Time // before the connection was asked for
	pid    int       // 0 if nobody answered
	module string    // "old old", "new new", or a mix
}

// clientPatience bounds one attempt: a socket may take the connection, and nobody may ever answer.
const clientPatience = 3 * time.Second

func newLoad(t *testing.T, h *Host, address string) *load {
	t.Helper()
	l := &load{Host: h, address: address, stop: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(l.ended)
		pace := time.NewTicker(20 * time.Millisecond) // a load, not an attack: the machine is shared
		defer pace.Stop()
		for {
			select {
			case <-l.stop:
				return
			case <-pace.C:
			}
			a := l.connect()
			l.mu.Lock()
			l.tried = append(l.tried, a)
			l.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		close(l.stop)
		<-l.ended
	})
	return l
}

func (l *load) connect() attempt {
	a := attempt{began: time.Now()}
	conn, err := l.dial(l.address, clientPatience)
	if err != nil {
		return a
	}
	defer conn.Close()
	if line, err := bufio.NewReader(conn).ReadString('\n'); err == nil {
		a.pid, a.module = parseAnswer(line)
	}
	return a
}

// parseAnswer reads what moduled says.
func parseAnswer(line string) (pid int, modules string) {
	var first, second string
	if n, _ := fmt.Sscan(line, &pid, &first, &second); n != 3 {
		return 0, ""
	}
	return pid, first + " " + second
}

// after returns the attempts that began later than a moment and have ended.
func (l *load) after(moment time.Time) []attempt {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, a := range l.tried {
		if a.began.After(moment) {
			return slices.Clone(l.tried[i:])
		}
	}
	return nil
}

func served(attempts []attempt) []attempt {
	return slices.DeleteFunc(slices.Clone(attempts), func(a attempt) bool { return a.pid == 0 })
}

// answered waits for the first answer to a client that came after a moment.
func (l *load) answered(t *testing.T, moment time.Time) (first attempt) {
	t.Helper()
	eventually(t, "a client of "+l.address+" is served", func() bool {
		got := served(l.after(moment))
		if len(got) > 0 {
			first = got[0]
		}
		return len(got) > 0
	})
	return first
}

// nobodyServed requires that the next clients after a moment are not answered.
func (l *load) nobodyServed(t *testing.T, moment time.Time) {
	t.Helper()
	const clients = 50
	eventually(t, "clients of "+l.address+" have tried", func() bool { return len(l.after(moment)) >= clients })
	if got := served(l.after(moment)); len(got) > 0 {
		t.Errorf("%d clients were served after stop, the first %v later, by PID %d",
			len(got), got[0].began.Sub(moment), got[0].pid)
	}
}
