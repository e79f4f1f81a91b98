package deadline

import (
	"context"
	"testing"
	"time"
)

func TestEach(t *testing.T) {
	parent, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	left := func(ctx context.Context, cancel context.CancelFunc) time.Duration {
		defer cancel()
		until, _ := ctx.Deadline()
		return time.Until(until)
	}
	ours, _ := parent.Deadline()
	if until, _ := must(One(parent)).Deadline(); until != ours {
		t.Error("One has another deadline than its parent, of which nobody said that it is for several questions")
	}
	each, cancelEach := Each(parent, time.Minute)
	defer cancelEach()
	for range 2 { // the second has as long as the first
		if one := left(One(each)); one > time.Minute || one <= 0 {
			t.Errorf("one answer has %v", one)
		}
	}
	if all := left(each, func() {}); all > most*time.Minute || all <= time.Minute {
		t.Errorf("all have %v", all)
	}
	if all := left(Each(parent, 30*time.Minute)); all > time.Hour {
		t.Errorf("all have %v, longer than whoever asks", all)
	}
	cancelEach()
	if must(One(each)).Err() == nil {
		t.Error("One goes on when all are given up")
	}
}

func must(ctx context.Context, _ context.CancelFunc) context.Context { return ctx }
