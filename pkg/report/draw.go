package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/magereduce/magereduce/pkg/report/text"
	"github.com/magereduce/magereduce/pkg/report/timeline"
)

// drawing is a run as it is drawn.
type drawing struct{ timeline.Run }

// Bounds of the picture.
const (
	lanesMost = 64
	barsMost  = 400 // about, of a lane: short attempts of one kind that follow each other are one bar
	marksMost = 400 // of a lane
)

// bar is one attempt, or several, as it is drawn. X and W are percents of the run.
type bar struct {
	X, W    float64
	Outcome timeline.Outcome
	Reduce  bool
	Tip     string
}

// drawnMark is a mark as it is drawn.
type drawnMark struct {
	X    float64
	Y    int // in pixels, in a lane of 40
	Kind timeline.Kind
	Text string
	At   string
}

// drawnLane is a lane as it is drawn.
type drawnLane struct {
	Number  int
	Label   string
	Summary string
	Bars    []bar
	Lives   []bar
	Marks   []drawnMark
}

func percent(share float64) float64 { return math.Round(share*1e5) / 1e3 }

// bars draws the attempts of a lane.
func (r drawing) bars(l *timeline.Lane) (bars []bar) {
	type group struct {
		first, last *timeline.Attempt
		n           int
		tasks       int
	}
	least := r.Length() / barsMost
	var groups []group
	for _, a := range l.Attempts {
		if n := len(groups); n > 0 {
			g := &groups[n-1]
			same := g.last.Outcome == a.Outcome && g.last.Stream == a.Stream && g.last.Why == a.Why
			if same && a.End(r.Run).Sub(g.first.From) < least && a.From.Sub(g.last.End(r.Run)) < least {
				g.last, g.n, g.tasks = a, g.n+1, g.tasks+len(a.Numbers)
				continue
			}
		}
		groups = append(groups, group{a, a, 1, len(a.Numbers)})
	}
	for _, g := range groups {
		x := percent(r.Share(g.first.From))
		b := bar{X: x, W: max(percent(r.Share(g.last.End(r.Run)))-x, 0.05), Outcome: g.first.Outcome, Reduce: g.first.Stream == "reduce"}
		what := r.TasksOf(g.first)
		if g.n > 1 {
			what = fmt.Sprintf("%s, in %s", text.Plural(g.tasks, g.first.Stream+" task"), text.Plural(g.n, "attempt"))
		}
		b.Tip = fmt.Sprintf("%s: %s\n%s, took %s", outcomeNames[g.first.Outcome], what, r.clock(g.first.From), text.Short(g.last.End(r.Run).Sub(g.first.From)))
		if how := hows[g.first.How]; how != "" && g.n == 1 {
			b.Tip += "\n" + how
		}
		if g.first.Why != "" {
			b.Tip += "\n" + text.Cut(g.first.Why, text.WhyMost)
		}
		bars = append(bars, b)
	}
	return bars
}

var outcomeNames = map[timeline.Outcome]string{
	timeline.Committed: "Committed", timeline.Elsewhere: "Settled elsewhere", timeline.Lost: "Lost", timeline.Revoked: "Revoked", timeline.Open: "In hand",
}

var hows = map[string]string{"stolen": "taken from another worker", "backup": "a backup of a slow worker's attempt"}

// lane draws a lane.
func (r drawing) lane(l *timeline.Lane) drawnLane {
	d := drawnLane{Number: l.Number, Label: r.label(l), Bars: r.bars(l)}
	for _, life := range l.Lives {
		x := percent(r.Share(life.From))
		d.Lives = append(d.Lives, bar{X: x, W: max(percent(r.Share(life.To))-x, 0.05)})
	}
	counts := map[timeline.Outcome]int{}
	for _, a := range l.Attempts {
		counts[a.Outcome]++
	}
	var said []string
	for _, o := range []timeline.Outcome{timeline.Committed, timeline.Elsewhere, timeline.Lost, timeline.Revoked, timeline.Open} {
		if counts[o] > 0 {
			said = append(said, fmt.Sprintf("%d %s", counts[o], strings.ToLower(outcomeNames[o])))
		}
	}
	for _, m := range r.Marks {
		if m.Lane == l && len(d.Marks) < marksMost {
			d.Marks = append(d.Marks, r.drawn(m))
		}
	}
	d.Summary = fmt.Sprintf("Worker %d: %s; %s", l.Number, text.Plural(len(l.Attempts), "attempt"), strings.Join(said, ", "))
	return d
}

// label is what stands beside a lane: its processes, with their host if there are several hosts.
func (r drawing) label(l *timeline.Lane) string {
	elsewhere := func(other *timeline.Lane) bool { return other.Host != l.Host }
	if label := processes(l); label == l.Host || !slices.ContainsFunc(r.Lanes, elsewhere) {
		return label
	}
	return l.Host + ": " + processes(l)
}

// processes is what tells a lane from others of its host.
func processes(l *timeline.Lane) string {
	var pids []string
	for _, life := range l.Lives {
		if life.PID != 0 {
			pids = append(pids, fmt.Sprint(life.PID))
		}
	}
	switch n := len(pids); {
	case n == 0:
		return l.Host
	case n <= 2:
		return strings.Join(pids, ", ")
	default:
		return fmt.Sprintf("%s … %s, %d lives", pids[0], pids[n-1], n)
	}
}

func (r drawing) drawn(m timeline.Mark) drawnMark {
	y := 20
	switch m.Kind { // a theft and a death come together
	case timeline.Theft:
		y = 33
	case timeline.Error:
		y = 7
	}
	return drawnMark{Y: y, X: percent(r.Share(m.At)), Kind: m.Kind, Text: text.Cut(m.Text, 2*text.WhyMost), At: r.clock(m.At)}
}

// clock is a time as seconds since the begin of the run.
func (r drawing) clock(at time.Time) string {
	return fmt.Sprintf("%.2f s", at.Sub(r.From).Seconds())
}

// tick is a time on the axis.
type tick struct {
	X    float64
	Text string
	Few  bool // also on a narrow screen
}

// ticks are times on the axis that people like to read.
func (r drawing) ticks() (ticks []tick) {
	whole := r.Length()
	step := 10 * time.Millisecond
	for i := 0; whole/step > 10; i++ {
		step = step * []time.Duration{2, 5, 2}[i%3] / []time.Duration{1, 2, 1}[i%3]
	}
	for i := range int(whole/step) + 1 {
		at := time.Duration(i) * step
		ticks = append(ticks, tick{percent(float64(at) / float64(whole)), seconds(at), i%2 == 0})
	}
	return ticks
}

func seconds(d time.Duration) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", d.Seconds()), "0"), ".") + " s"
}

// curve is a line or an area, in a box of 1000 by 100.
type curve struct {
	Class string
	Path  string // of SVG
}

// chart is what is drawn over time.
type chart struct {
	Title, Alt string
	Top        string // the largest value
	Curves     []curve
	Legend     []string // classes and texts, in turn
}

// area draws values as an area over those of below, which may be nil.
func area(class string, values, below []float64, most float64) curve {
	var b strings.Builder
	y := func(i int, of []float64) float64 { return 100 - 100*of[i]/most }
	sum := make([]float64, len(values))
	for i := range values {
		sum[i] = values[i]
		if below != nil {
			sum[i] += below[i]
		}
	}
	width := 1000 / float64(len(values))
	fmt.Fprintf(&b, "M0 100")
	for i := range sum {
		fmt.Fprintf(&b, "L%.1f %.2fL%.1f %.2f", float64(i)*width, y(i, sum), float64(i+1)*width, y(i, sum))
	}
	b.WriteString("L1000 100")
	if below != nil {
		for i := len(below) - 1; i >= 0; i-- {
			fmt.Fprintf(&b, "L%.1f %.2fL%.1f %.2f", float64(i+1)*width, y(i, below), float64(i)*width, y(i, below))
		}
	}
	b.WriteString("Z")
	return curve{class, b.String()}
}

// charts draws what changes over time.
func (r drawing) charts() []chart {
	kept, vain := r.Rates()
	most, both := 1.0, make([]float64, len(kept))
	for i := range kept {
		both[i] = kept[i] + vain[i]
		most = max(most, both[i])
	}
	rate := chart{
		Title: "Input counted, by all workers", Top: humanize.IBytes(uint64(most)) + "/s",
		Alt:    fmt.Sprintf("Input counted over time; at most %s per second.", humanize.IBytes(uint64(most))),
		Curves: []curve{area("kept", kept, nil, most), area("vain", vain, kept, most)},
		Legend: []string{"kept", "and it counts", "vain", "in vain"},
	}
	whole := float64(max(r.Begin.Maps+r.Begin.Reducers, 1))
	done := r.line("done", whole, func(i int) float64 { return float64(r.Samples[i].Mapped + r.Samples[i].Reduced) })
	peak := 1.0
	for _, s := range r.Samples {
		peak = max(peak, float64(s.Memory))
	}
	memory := r.line("memory", peak*1.1, func(i int) float64 { return float64(r.Samples[i].Memory) })
	return []chart{
		rate,
		{Title: "Tasks done, as Redis says", Top: text.Plural(int(whole), "task"), Alt: "Tasks that are done, over time. A rollback takes some of them back.", Curves: []curve{done}},
		{Title: "Memory of Redis", Top: humanize.IBytes(uint64(peak * 1.1)), Alt: fmt.Sprintf("Memory of Redis over time; at most %s.", humanize.IBytes(uint64(peak))), Curves: []curve{memory}},
	}
}

// line draws samples. The last one holds until the end of the run.
func (r drawing) line(class string, most float64, value func(i int) float64) curve {
	if len(r.Samples) == 0 {
		return curve{class, "M0 100"}
	}
	var b strings.Builder
	every := max(1, len(r.Samples)/600)
	y := 100.0
	for i := 0; i < len(r.Samples); i += every {
		x := 1000 * r.Share(r.Samples[i].Time)
		was := y
		y = 100 - 100*min(value(i)/most, 1)
		if b.Len() == 0 {
			fmt.Fprintf(&b, "M%.1f 100L%.1f %.2f", x, x, y)
			continue
		}
		fmt.Fprintf(&b, "L%.1f %.2fL%.1f %.2f", x, was, x, y)
	}
	y = 100 - 100*min(value(len(r.Samples)-1)/most, 1)
	fmt.Fprintf(&b, "L1000 %.2fL1000 100Z", y)
	return curve{class, b.String()}
}
