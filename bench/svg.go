package main

import (
	_ "embed" // the picture's template
	"fmt"
	"math"
	"strings"
	"text/template"
)

//go:embed chart.svg.tmpl
var chartTemplate string

// The picture's measures, in its own units.
const (
	chartWidth = 920
	chartLeft  = 180 // where bars begin
	chartRight = 790 // where the longest ends
	barHeight  = 16
	barGap     = 4
	headHeight = 30 // a case's heading
	chartTop   = 56
)

type chart struct {
	Width, Height int
	Title, About  string
	Heads         []label
	Bars          []bar
	Grid          []grid
	Bottom        int
}

type label struct {
	X, Y int
	Text string
}

type bar struct {
	Class             string
	X, Y, W, H        int
	Name, Value       label
	WhiskerX, Whisker int // from the fastest to the slowest run
	Middle            int
}

type grid struct {
	X    int
	Text string
}

// SVG draws the medians of wall time as bars, on a logarithmic scale: from one
// line to the next is ten times as long.
func (r *Results) SVG() string {
	low, high := math.Inf(1), 0.0
	for _, c := range r.Cases {
		for _, w := range c.Rows {
			low, high = min(low, w.Wall.Min), max(high, w.Wall.Max)
		}
	}
	from, to := math.Floor(math.Log10(low)), math.Ceil(math.Log10(high))
	if high == 0 {
		from, to = -1, 1
	}
	to = max(to, from+1)
	x := func(seconds float64) int {
		return chartLeft + int(math.Round((math.Log10(seconds)-from)/(to-from)*(chartRight-chartLeft)))
	}
	p := chart{Width: chartWidth, Title: "Wall time, seconds (logarithmic)", About: "lvsdeploy " + r.Version + ", " + r.When + ", " + r.Machine}
	y := chartTop
	for _, c := range r.Cases {
		p.Heads = append(p.Heads, label{X: 20, Y: y + headHeight - 10, Text: c.Name})
		y += headHeight
		for _, w := range c.Rows {
			end := x(w.Wall.Median)
			b := bar{Class: classOf(w.Name), X: chartLeft, Y: y, W: max(2, end-chartLeft), H: barHeight, Middle: y + barHeight/2,
				WhiskerX: x(w.Wall.Min), Whisker: x(w.Wall.Max),
				Name: label{X: chartLeft - 8, Y: y + barHeight - 4, Text: w.Name}}
			text := fmt.Sprintf("%.3g s", w.Wall.Median)
			if base := c.row(nameOurs); base != nil && w.Name != nameOurs {
				text += fmt.Sprintf("  (× %.3g)", w.Wall.Median/base.Wall.Median)
			}
			b.Value = label{X: max(end, b.Whisker) + 8, Y: b.Name.Y, Text: text}
			p.Bars = append(p.Bars, b)
			y += barHeight + barGap
		}
	}
	for e := from; e <= to; e++ {
		p.Grid = append(p.Grid, grid{X: x(math.Pow(10, e)), Text: fmt.Sprintf("%g", math.Pow(10, e))})
	}
	p.Bottom, p.Height = y+4, y+28
	var b strings.Builder
	// the template is part of the program, and a Builder takes everything
	_ = template.Must(template.New("chart").Parse(chartTemplate)).Execute(&b, p)
	return b.String()
}

func classOf(name string) string { return strings.Fields(strings.ReplaceAll(name, " + ", "-"))[0] }
