package quiesce

import (
	"context"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
)

// untilSignal is a context that ends with the first signal that would end us, and which that
// was; 0: none came. The next one ends us.
func untilSignal() (ctx context.Context, given func() syscall.Signal) {
	ctx, end := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) { // nohup(1)
			signal.Notify(signals, s)
		}
	}
	var number atomic.Int64
	go func() {
		came, _ := (<-signals).(syscall.Signal)
		signal.Stop(signals)
		number.Store(int64(came))
		end()
	}()
	return ctx, func() syscall.Signal { return syscall.Signal(number.Load()) }
}
