package quiesce

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"

	"pidproof/cmd/pidproof/internal/ondemand"
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

// sayInterrupted says what is left to give back. The record was written before anything
// was held off.
func (q Quiescing) sayInterrupted(by syscall.Signal) {
	ctx, cancel := context.WithTimeout(context.Background(), q.patience())
	defer cancel()
	record, err := ondemand.Held(ctx, q.Service.Name)
	held := record.What()
	switch {
	case err != nil:
		q.Warn("%s: %v: whether something is held off cannot be told: %v; see pidproof triggers %[1]s", q.Service.Name, by, err)
	case len(held) == 0:
		q.Warn("%s: %v: whether it is stopped was not looked at; nothing is held off", q.Service.Name, by)
	default:
		q.Warn("%s: %v: whether it is stopped was not looked at; held off until \"invoke-rc.d %[1]s start\" or \"pidproof unquiesce %[1]s\": %[3]s",
			q.Service.Name, by, strings.Join(held, " "))
	}
}
