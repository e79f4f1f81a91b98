package main

import (
	"cmp"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// lineApart is the distance of two names.
const lineApart = 13 * vg.Length(1)

// name writes each line's name beside its end, apart from the others.
func name(c draw.Canvas, p *plot.Plot, curves []curve) {
	_, toY := p.Transforms(&c)
	var ends []vg.Length
	byHeight := slices.SortedStableFunc(slices.Values(curves), func(a, b curve) int {
		return cmp.Compare(a.end(), b.end())
	})
	for _, curve := range byHeight {
		ends = append(ends, toY(curve.end()))
	}
	for i, at := range apart(ends, lineApart) {
		style := p.X.Tick.Label
		color := looks[byHeight[i].Kind].Color
		style.Color, style.XAlign, style.YAlign = color, draw.XLeft, draw.YCenter
		from := vg.Point{X: c.Max.X + 7, Y: ends[i]}
		to := vg.Point{X: c.Max.X + 22, Y: at}
		c.StrokeLines(draw.LineStyle{Color: color, Width: 0.6}, []vg.Point{from, to})
		c.FillText(style, vg.Point{X: to.X + 4, Y: at}, byHeight[i].Label)
	}
}

// apart moves what is sorted so that neighbours keep a distance: each group that touches lies around its own middle.
func apart(at []vg.Length, distance vg.Length) []vg.Length {
	type group struct{ first, n int }
	var groups []group
	lowest := func(g group) vg.Length { // of the group, such that it moves as little as can be
		var sum vg.Length
		for i := range g.n {
			sum += at[g.first+i] - vg.Length(i)*distance
		}
		return sum / vg.Length(g.n)
	}
	for i := range at {
		g := group{i, 1}
		for len(groups) > 0 {
			below := groups[len(groups)-1]
			if lowest(below)+vg.Length(below.n)*distance <= lowest(g) {
				break
			}
			groups = groups[:len(groups)-1]
			g = group{below.first, below.n + g.n}
		}
		groups = append(groups, g)
	}
	moved := make([]vg.Length, len(at))
	for _, g := range groups {
		for i := range g.n {
			moved[g.first+i] = lowest(g) + vg.Length(i)*distance
		}
	}
	return moved
}
