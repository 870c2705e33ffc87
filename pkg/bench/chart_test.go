package bench

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
)

// chart is a picture of lines over two logarithmic axes.
type chart struct {
	title, subtitle string
	x, y            string // what the axes are
	series          []series
}

// series is one line.
type series struct {
	name   string
	points []dot
}

// dot is a measurement. All values are above 0.
type dot struct {
	x, y      float64
	low, high float64 // of y
	label     string  // of x
}

// Sizes, in the units of the picture.
const (
	chartWidth, chartHeight = 720, 400
	chartLeft, chartRight   = 64, 176 // margins: the labels of y; the names of the lines
	chartTop, chartBottom   = 90, 64
	labelHeight             = 16 // of a line of text
	labelWidth              = 7  // of a letter, about
)

// chartStyle has two sets of colours. The background is painted, because a page may be dark where
// the system is light.
const chartStyle = `
.page { fill: #ffffff; }
text { font: 12px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #59636e; }
.title { font-size: 16px; font-weight: 600; fill: #1f2328; }
.name { font-weight: 600; }
.grid { stroke: #e3e6ea; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.range { fill: none; stroke-width: 1.5; }
.s1 .line { stroke-dasharray: 6 4; }
.s0 .line, .s0 .range { stroke: #0969da; }
.s0 .point, .s0 .name { fill: #0969da; }
.s1 .line, .s1 .range { stroke: #bc4c00; }
.s1 .point, .s1 .name { fill: #bc4c00; }
@media (prefers-color-scheme: dark) {
  .page { fill: #0d1117; }
  text { fill: #9198a1; }
  .title { fill: #f0f6fc; }
  .grid { stroke: #262c36; }
  .s0 .line, .s0 .range { stroke: #4493f8; }
  .s0 .point, .s0 .name { fill: #4493f8; }
  .s1 .line, .s1 .range { stroke: #f0883e; }
  .s1 .point, .s1 .name { fill: #f0883e; }
}
`

// svg draws the chart. Every point has its figures as a tooltip.
func (c chart) svg() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s">`+"\n<style>%s</style>\n",
		chartWidth, chartHeight, escape(c.title), chartStyle)
	fmt.Fprintf(&b, `<rect class="page" width="%d" height="%d" rx="6"/>`+"\n", chartWidth, chartHeight)
	fmt.Fprintf(&b, `<text class="title" x="%d" y="28">%s</text>`+"\n", 16, escape(c.title))
	fmt.Fprintf(&b, `<text x="%d" y="48">%s</text>`+"\n", 16, escape(c.subtitle))
	fmt.Fprintf(&b, `<text x="%d" y="%d">%s</text>`+"\n", 16, chartTop-14, escape(c.y))
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n",
		(chartLeft+chartWidth-chartRight)/2, chartHeight-16, escape(c.x))
	x, y, ticks := c.scales()
	c.drawGrid(&b, x, y, ticks)
	c.drawLines(&b, x, y)
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// scales map values to places. The ticks of y begin below the lowest point and end above the
// highest.
func (c chart) scales() (x, y func(float64) float64, ticks []float64) {
	left, right, low, high := math.Inf(1), 0.0, math.Inf(1), 0.0
	for _, s := range c.series {
		for _, d := range s.points {
			left, right = min(left, d.x), max(right, d.x)
			low, high = min(low, d.low), max(high, d.high)
		}
	}
	ticks = roundNumbers(low, high)
	return logScale(left, right, chartLeft, chartWidth-chartRight),
		logScale(ticks[0], ticks[len(ticks)-1], chartHeight-chartBottom, chartTop), ticks
}

// logScale maps values from low to high, evenly by their logarithms, to places from first to last.
func logScale(low, high, first, last float64) func(float64) float64 {
	if !(low < high) {
		return func(float64) float64 { return (first + last) / 2 }
	}
	return func(v float64) float64 { return first + (last-first)*math.Log(v/low)/math.Log(high/low) }
}

// roundNumbers are 1, 2 and 5 times powers of ten: those from low to high, and one more at each
// end, where it lies between two of them. There are at least two.
func roundNumbers(low, high float64) (numbers []float64) {
	if !(0 < low && low <= high && !math.IsInf(high, 1)) {
		return []float64{1, 10}
	}
	for power := math.Floor(math.Log10(low)); ; power++ {
		for _, digit := range []float64{1, 2, 5} {
			n := digit * math.Pow(10, power)
			if n <= low {
				numbers = numbers[:0] // of those below only the last is needed
			}
			numbers = append(numbers, n)
			if n >= high && len(numbers) > 1 {
				return numbers
			}
		}
	}
}

func (c chart) drawGrid(b *bytes.Buffer, x, y func(float64) float64, ticks []float64) {
	for _, t := range ticks {
		fmt.Fprintf(b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, chartLeft, chartWidth-chartRight, y(t), y(t))
		fmt.Fprintf(b, `<text x="%d" y="%.1f" text-anchor="end">%.4g</text>`+"\n", chartLeft-8, y(t)+4, t)
	}
	drawn := math.Inf(-1) // how far the labels reach that are drawn
	for _, s := range c.series[:min(1, len(c.series))] {
		for _, d := range s.points {
			at, half := x(d.x), float64(len(d.label)*labelWidth)/2
			fmt.Fprintf(b, `<line class="grid" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, at, at, chartTop, chartHeight-chartBottom)
			if at-half > drawn {
				fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", at, chartHeight-chartBottom+20, escape(d.label))
				drawn = at + half
			}
		}
	}
}

func (c chart) drawLines(b *bytes.Buffer, x, y func(float64) float64) {
	named := make([]float64, 0, len(c.series)) // the places of the names that are drawn
	for i, s := range c.series {
		if len(s.points) == 0 {
			continue
		}
		fmt.Fprintf(b, `<g class="s%d">`+"\n"+`<polyline class="line" points="`, i%2)
		for _, d := range s.points {
			fmt.Fprintf(b, "%.1f,%.1f ", x(d.x), y(d.y))
		}
		b.WriteString(`"/>` + "\n")
		for _, d := range s.points {
			fmt.Fprintf(b, `<path class="range" d="M%.1f %.1fV%.1f"/>`, x(d.x), y(d.low), y(d.high))
			fmt.Fprintf(b, `<circle class="point" cx="%.1f" cy="%.1f" r="3.5"><title>%s: %s, %.4g %s (%.4g to %.4g)</title></circle>`+"\n",
				x(d.x), y(d.y), escape(s.name), escape(d.label), d.y, escape(c.y), d.low, d.high)
		}
		last := s.points[len(s.points)-1]
		at := y(last.y) + 4
		for _, other := range named {
			if math.Abs(at-other) < labelHeight {
				at = other + math.Copysign(labelHeight, at-other)
			}
		}
		named = append(named, at)
		fmt.Fprintf(b, `<text class="name" x="%.1f" y="%.1f">%s</text>`+"\n</g>\n", x(last.x)+12, at, escape(s.name))
	}
}

func escape(s string) string {
	var b bytes.Buffer
	xml.EscapeText(&b, []byte(s)) // to memory, which can't fail
	return b.String()
}
