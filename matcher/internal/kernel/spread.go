package kernel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Spread calls visit for every number below n, on all cores: what a scan costs is
// mostly the kernel's work, which it does for several at once. A batch is large
// enough that taking one costs nothing beside it.
func Spread(n int, visit func(i int)) {
	const batch = 32
	var next atomic.Int64
	work := func() {
		for {
			end := int(next.Add(batch))
			for i := end - batch; i < min(end, n); i++ {
				visit(i)
			}
			if end >= n {
				return
			}
		}
	}
	workers := min(runtime.GOMAXPROCS(0), (n+batch-1)/batch)
	var others sync.WaitGroup
	for range workers - 1 {
		others.Add(1)
		go func() {
			defer others.Done()
			work()
		}()
	}
	work()
	others.Wait()
}
