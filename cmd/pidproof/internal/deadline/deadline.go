// Package deadline is how long the answers of other programs are waited for, as systemd's. What takes several questions, one
// after the other, has a time for each: on a busy host, where systemd reads its units anew all the time, ten answers took
// longer than any one of them may.
package deadline

import (
	"context"
	"time"
)

// most is how many times as long as one answer they may all take: a look at a service asks about ten.
const most = 12

type key struct{}

// Each is for several questions. A program that does not answer one of them in that time does not answer.
func Each(parent context.Context, answer time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(parent, most*answer)
	return context.WithValue(ctx, key{}, answer), cancel
}

// One is for one question, of several that Each is for, or under the deadline that ctx has.
func One(ctx context.Context) (context.Context, context.CancelFunc) {
	if answer, of := ctx.Value(key{}).(time.Duration); of {
		return context.WithTimeout(ctx, answer)
	}
	return context.WithCancel(ctx)
}
