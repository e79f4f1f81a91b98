package main

import (
	"slices"
	"testing"

	"gonum.org/v1/plot/vg"
)

func TestApart(t *testing.T) {
	for _, c := range []struct{ at, want []vg.Length }{
		{nil, nil},
		{[]vg.Length{5}, []vg.Length{5}},
		{[]vg.Length{0, 10, 20}, []vg.Length{0, 10, 20}},
		{[]vg.Length{0, 0}, []vg.Length{-5, 5}},
		{[]vg.Length{0, 0, 0, 100}, []vg.Length{-10, 0, 10, 100}},
		{[]vg.Length{0, 12, 12}, []vg.Length{-2, 8, 18}}, // two make room, and push the third
	} {
		if got := apart(c.at, 10); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, not %v", c.at, got, c.want)
		}
	}
}
