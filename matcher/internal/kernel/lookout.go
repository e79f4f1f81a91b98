package kernel

import (
	"cmp"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// lookout looks at every process of a directory, on all cores, and leaves behind whoever
// does not come back from a look: another goes on in his place.
type lookout struct {
	reader procReader
	may    func(proc, pid int) (bool, error)
	self   int
	untold func(pid int) // told of who is left behind
	// at counts those who look, and who waits for them: the last closes the directory.
	at atomic.Int64
}

func (l *lookout) leave() {
	if l.at.Add(-1) == 0 {
		unix.Close(l.reader.fd)
	}
}

// looker is one of those who look.
type looker struct {
	batch []int
	// place is how far it has come, odd while it looks at a process: only then may it be
	// given up, and it touches nothing here. Its number is that of the batch and, of two
	// numbers each, of the process in it.
	place atomic.Int64

	found Listing
	err   error
}

const (
	batchShift = 16
	gaveUp     = -1
	lookTries  = 40 // see argvTries
)

// all waits until everything was looked at.
func (l *lookout) all(cores int) (all Listing, err error) {
	l.at.Add(1)
	defer l.leave()
	ended := make(chan *looker, cores)
	at := map[*looker]int64{} // where each was last seen
	send := func(batch []int) {
		w := &looker{batch: batch}
		at[w] = 0
		l.at.Add(1)
		go func() {
			done := l.look(w)
			l.leave()
			if done {
				ended <- w
			}
		}()
	}
	for range cores {
		send(nil)
	}
	tick := time.NewTimer(argvTick)
	defer tick.Stop()
	for waits := map[*looker]int{}; len(at) > 0; {
		select {
		case w := <-ended:
			delete(at, w)
			all.add(w)
			err = cmp.Or(err, w.err)
			continue
		case <-tick.C:
			tick.Reset(argvTick)
		}
		for w, seen := range at {
			now := w.place.Load()
			if waits[w]++; now != seen {
				at[w], waits[w] = now, 0
			}
			if waits[w] < lookTries || now&1 == 0 || !w.place.CompareAndSwap(now, gaveUp) {
				continue
			}
			delete(at, w)
			all.add(w)
			in := int(now & (1<<batchShift - 1) / 2)
			all.Stuck = append(all.Stuck, w.batch[in])
			l.untold(w.batch[in])
			send(w.batch[in+1:])
		}
	}
	return all, err
}

func (all *Listing) add(w *looker) {
	all.Pids, all.Init = append(all.Pids, w.found.Pids...), all.Init || w.found.Init
}

// look works on batches until there are none; false: it was given up meanwhile.
func (l *lookout) look(w *looker) bool {
	numbers, entries := make([]int, 0, 64), make([]byte, 1024) // about 40 processes
	for number := int64(0); ; number++ {
		for in, pid := range w.batch {
			w.found.Init = w.found.Init || pid == 1
			if pid == l.self || w.err != nil {
				continue
			}
			place := number<<batchShift | int64(2*in)
			w.place.Store(place + 1)
			is, err := l.may(l.reader.fd, pid)
			if !w.place.CompareAndSwap(place+1, place+2) {
				return false
			}
			if w.err = err; is {
				w.found.Pids = append(w.found.Pids, pid)
			}
		}
		batch, done, err := l.reader.next(numbers, entries)
		if done {
			w.err = cmp.Or(w.err, err)
			return true
		}
		w.batch = batch
	}
}
