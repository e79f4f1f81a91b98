package main

import (
	"image/color"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

const (
	plotWidth, plotHeight = 720 * vg.Length(1), 460 * vg.Length(1)
	// labelRoom is for the names, to the right of the lines.
	labelRoom = 190 * vg.Length(1)
)

var (
	oursColor   = color.RGBA{0x05, 0x50, 0xae, 0xff}
	bugColor    = color.RGBA{0xb0, 0x2a, 0x1e, 0xff}
	theirsColor = color.RGBA{0x6a, 0x6a, 0x6a, 0xff}
	gridColor   = color.RGBA{0xe4, 0xe4, 0xe4, 0xff}
)

// looks are how a curve is drawn, by its kind.
var looks = map[string]draw.LineStyle{
	"ours":   {Width: 2.4, Color: oursColor},
	"bug":    {Width: 1.8, Color: bugColor},
	"theirs": {Width: 1.2, Color: theirsColor},
	"floor":  {Width: 1.2, Color: theirsColor, Dashes: []vg.Length{3, 3}},
}

// svg draws wall times against numbers of processes, on white: readable also where the page is dark.
func (d drawing) svg() (string, error) {
	canvas := vgsvg.New(plotWidth, plotHeight)
	if err := d.draw(draw.New(canvas)); err != nil {
		return "", err
	}
	var written strings.Builder
	if _, err := canvas.WriteTo(&written); err != nil {
		return "", err
	}
	// The fonts of most readers instead: Arial's letters are as wide as Liberation's, which has been measured.
	const one, all = "font-family:Liberation Sans;", "font-family:Liberation Sans,Arial,Helvetica,sans-serif;"
	return strings.ReplaceAll(written.String(), one, all), nil
}

func (d drawing) draw(whole draw.Canvas) error {
	p := plot.New()
	p.X.Label.Text = "number of processes"
	p.X.Label.TextStyle.Font.Variant, p.X.Label.TextStyle.Font.Size = "Sans", 12
	p.X.Label.Padding = 6
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Scale = plot.LogScale{}
		axis.Tick.Label.Font.Variant, axis.Tick.Label.Font.Size = "Sans", 11
	}
	p.X.Tick.Marker, p.Y.Tick.Marker = d.sizeTicks(), plot.TickerFunc(timeTicks)
	grid := plotter.NewGrid()
	grid.Vertical.Color = nil
	grid.Horizontal.Color = gridColor
	p.Add(grid)
	for _, c := range d.Curves {
		if err := c.add(p); err != nil {
			return err
		}
	}
	p.Y.Min, p.Y.Max = p.Y.Min/1.2, p.Y.Max*1.2 // room around the lines, and some without any
	whole.SetColor(color.White)
	whole.Fill(whole.Rectangle.Path())
	caption(whole, p.X.Label.TextStyle)
	inner := draw.Crop(whole, 12, -labelRoom, 12, -62)
	p.Draw(inner)
	c := p.DataCanvas(inner)
	name(c, p, d.Curves)
	return nil
}

// caption stands above, with the name of the upright axis: beside that gonum makes room as if the scale were linear.
func caption(c draw.Canvas, style text.Style) {
	style.XAlign, style.YAlign = draw.XLeft, draw.YTop
	style.Font.Size = 15
	c.FillText(style, vg.Point{X: 16, Y: c.Max.Y - 12}, "Asking for a daemon among other processes")
	style.Font.Size = 12
	c.FillText(style, vg.Point{X: 16, Y: c.Max.Y - 36}, "wall time: median, and bars from the 10th to the 90th percentile")
}

// XY, Len and YError are what plotter asks for.
func (c curve) Len() int                { return len(c.Points) }
func (c curve) XY(i int) (x, y float64) { return c.Points[i].Processes, c.Points[i].Median }
func (c curve) YError(i int) (low, high float64) {
	return c.Points[i].Median - c.Points[i].Low, c.Points[i].High - c.Points[i].Median
}

func (c curve) add(p *plot.Plot) error {
	line, points, err := plotter.NewLinePoints(c)
	if err != nil {
		return err
	}
	bars, err := plotter.NewYErrorBars(c)
	if err != nil {
		return err
	}
	look := looks[c.Kind]
	line.LineStyle = look
	points.GlyphStyle = draw.GlyphStyle{Color: look.Color, Radius: 1.4 + look.Width/2, Shape: draw.CircleGlyph{}}
	bars.LineStyle = draw.LineStyle{Color: look.Color, Width: 0.6}
	bars.CapWidth = 4
	p.Add(line, bars, points)
	return nil
}
