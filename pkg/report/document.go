package report

import (
	"fmt"

	"github.com/magereduce/magereduce/pkg/report/text"
	"github.com/magereduce/magereduce/pkg/report/timeline"
)

// patterns are what bars are filled with, so that their outcomes don't differ by colour alone.
const patterns = `<svg width="0" height="0" aria-hidden="true" style="position:absolute"><defs>
<pattern id="lost" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" class="fill-lost"/><rect width="2" height="6" class="stripe"/></pattern>
<pattern id="elsewhere" width="6" height="6" patternUnits="userSpaceOnUse"><rect width="6" height="6" class="fill-elsewhere"/><rect width="6" height="2" class="stripe"/></pattern>
<pattern id="revoked" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)"><rect width="6" height="6" class="fill-revoked"/><rect width="2" height="6" class="stripe"/></pattern>
</defs></svg>`

// page writes a whole page around its changing part.
func (d *document) page(title string, live bool, main markup) {
	d.add(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="%v">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>%v</title>
<style>%v</style>
</head>
`, policy(live), title, markup(pageCSS))
	if live {
		d.add(`<body data-live="events">`)
	} else {
		d.add(`<body>`)
	}
	d.add(`
%v
<main id="main">%v</main>
<div id="tip" role="status" hidden></div>
<script>%v</script>
</body>
</html>
`, markup(patterns), main, markup(pageJS))
}

// main writes the part of the page that changes while the job runs.
func (d *document) main(v view) {
	d.header(v)
	d.add(`
<section aria-labelledby="h-figures"><h2 id="h-figures" class="hidden">Figures</h2>
<dl class="figures">`)
	for _, f := range v.Figures {
		d.add(`<div><dd>%v</dd><dt>%v</dt></div>`, f.Value, f.Name)
	}
	d.add(`</dl>
</section>

<section aria-labelledby="h-lanes"><h2 id="h-lanes">Who did what</h2>
<p class="note">A lane is a worker and those that replaced it. <span class="keys">With the keyboard: Tab to a lane, then the arrow keys.</span></p>
`)
	d.legend(v)
	d.picture(v)
	d.tables(v)
	d.add(`</section>

<div class="two">
`)
	d.vain(v)
	d.times(v)
	d.words(v)
	d.add(`</div>
`)
	if v.Run.Left > 0 {
		d.note("%v lines of the journal could not be read.", v.Run.Left)
	}
}

func (d *document) note(format string, values ...any) {
	d.add(`<p class="note">`+format+"</p>\n", values...)
}

func (d *document) header(v view) {
	d.add(`<header>
<div>
<p class="kicker">magereduce`)
	if v.Live {
		d.add(` <span id="link" class="link">live</span>`)
	}
	d.add(`</p>
<h1>Job <code>%v</code></h1>
<p class="subtitle">%v</p>
</div>
<p class="state %v">`, v.Run.Job, v.Subtitle, v.Run.State)
	switch v.Run.State {
	case timeline.Sealed:
		d.add(`<b>Sealed</b> every task counted exactly once`)
	case timeline.Running:
		d.add(`<b>Running</b> the counts are not final`)
	case timeline.Stopped:
		d.add(`<b>Not sealed</b> %v`, v.Run.Why)
	default:
		d.add(`<b>No run</b> nothing was written down yet`)
	}
	d.add(`</p>
</header>
`)
}

func (d *document) legend(v view) {
	d.add(`<ul class="legend">
<li><i class="sw committed"></i>committed</li>
<li><i class="sw reduce"></i>merged and stored</li>
<li><i class="sw elsewhere"></i>settled elsewhere</li>
<li><i class="sw lost"></i>lost</li>
<li><i class="sw revoked"></i>revoked</li>
`)
	if v.Run.State != timeline.Sealed {
		d.add(`<li><i class="sw open"></i>in hand</li>
`)
	}
	for _, l := range []struct {
		kind timeline.Kind
		name string
	}{
		{timeline.Death, "death"}, {timeline.Theft, "theft"}, {timeline.Revocation, "output lost"}, {timeline.Error, "error"}, {timeline.Checkpoint, "checkpoint"},
		{timeline.Restart, "restart or rollback of Redis"}, {timeline.Supervisor, "another supervisor"},
	} {
		d.add(`<li><svg class="ic mark %v" viewBox="-9 -9 18 18" width="16" height="16" aria-hidden="true">%v</svg>%v</li>
`, l.kind, shape(l.kind), l.name)
	}
	d.add(`</ul>
`)
}

// picture writes the lanes, and the charts on the same axis.
func (d *document) picture(v view) {
	d.add(`<div class="time">
<div class="lane events" id="all"><span class="label">The job</span>
<svg class="track" role="group" tabindex="0" aria-label="What concerned all workers: %v marks">`, len(v.Lines))
	d.marks(v.Lines)
	d.add(`</svg></div>
`)
	for _, l := range v.Lanes {
		d.add(`<div class="lane" id="lane-%v"><span class="label">Worker %v <small>%v</small></span>
<svg class="track" role="group" tabindex="0" aria-label="%v">
`, l.Number, l.Number, l.Label, l.Summary)
		for _, life := range l.Lives {
			d.add(`<rect class="life" x="%v%%" y="19" width="%v%%" height="2"/>`, life.X, life.W)
		}
		d.rules(v.Lines, "40")
		for _, b := range l.Bars {
			reduce := ""
			if b.Reduce {
				reduce = "reduce "
			}
			d.add(`<rect class="bar %v%v" tabindex="-1" role="img" x="%v%%" y="12" width="%v%%" height="16" rx="2"><title>%v</title></rect>`,
				reduce, b.Outcome, b.X, b.W, b.Tip)
		}
		d.marks(l.Marks)
		d.add(`
</svg></div>
`)
	}
	if v.More > 0 {
		d.note("%v more workers are not drawn.", v.More)
	}
	d.add(`<div class="lane axis" aria-hidden="true"><span class="label"></span><div class="track">`)
	for _, t := range v.Ticks {
		many := markup("")
		if !t.Few {
			many = ` class="many"`
		}
		d.add(`<span%v style="left:%v%%">%v</span>`, many, t.X, t.Text)
	}
	d.add(`</div></div>
`)
	for _, c := range v.Charts {
		d.chart(c, v.Lines)
	}
	d.add(`</div>
`)
}

func (d *document) chart(c chart, lines []drawnMark) {
	d.add(`<figure class="lane chart"><figcaption class="label">%v`, c.Title)
	for _, l := range c.Legend {
		switch l {
		case "kept":
			d.add(`<small><i class="sw committed"></i>it counts</small>`)
		case "vain":
			d.add(`<small><i class="sw lost"></i>in vain</small>`)
		}
	}
	d.add(`</figcaption>
<div class="track"><span class="top">%v</span><svg viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" aria-label="%v">`, c.Top, c.Alt)
	for _, curve := range c.Curves {
		d.add(`<path class="%v" d="%v"/>`, curve.Class, curve.Path)
	}
	d.add(`</svg>
<svg class="rules" aria-hidden="true">`)
	d.rules(lines, "100%")
	d.add(`</svg></div></figure>
`)
}

// rules writes a vertical line for each mark that concerns all.
func (d *document) rules(lines []drawnMark, height string) {
	for _, m := range lines {
		d.add(`<line class="rule %v" x1="%v%%" x2="%v%%" y1="0" y2="%v"/>`, m.Kind, m.X, m.X, height)
	}
}

func (d *document) marks(marks []drawnMark) {
	for _, m := range marks {
		d.add(`<svg class="mark %v" x="%v%%" y="%v" overflow="visible" tabindex="-1" role="img">%v<title>%v
%v</title></svg>`, m.Kind, m.X, m.Y, shape(m.Kind), m.At, m.Text)
	}
}

// shape is what a kind of marks looks like.
func shape(kind timeline.Kind) markup {
	switch kind {
	case timeline.Death:
		return `<circle r="8"/><path d="M-3.5 -3.5L3.5 3.5M3.5 -3.5L-3.5 3.5"/>`
	case timeline.Theft:
		return `<path class="solid" d="M0 -8L8 6H-8Z"/>`
	case timeline.Revocation:
		return `<path class="solid" d="M0 -8L8 0L0 8L-8 0Z"/>`
	case timeline.Error:
		return `<rect class="solid" x="-6" y="-6" width="12" height="12"/><path d="M0 -4V1M0 3V4"/>`
	case timeline.Checkpoint:
		return `<rect class="solid" x="-2" y="-7" width="4" height="14" rx="2"/>`
	case timeline.Supervisor:
		return `<path class="solid" d="M-5 -8L7 0L-5 8Z"/>`
	}
	return `<circle class="solid" r="8"/><path d="M4 -1A4 4 0 1 0 3 3M4 -5V-1H0"/>`
}

// tables writes what says the same as the picture.
func (d *document) tables(v view) {
	d.add(`<details id="d-table"><summary>The same as a table</summary>
<div class="wide" tabindex="0" role="region" aria-label="Lanes as a table"><table><thead><tr><th>Worker</th><th>Processes</th><th>What became of its attempts</th></tr></thead><tbody>
`)
	for _, l := range v.Lanes {
		d.cells(l.Number, l.Label, l.Summary)
	}
	d.add(`</tbody></table>
<table><thead><tr><th>At</th><th>Worker</th><th>What happened</th></tr></thead><tbody>
`)
	for _, r := range v.Table {
		d.cells(r.At, r.Worker, r.What)
	}
	if len(v.Table) == 0 {
		d.add(`<tr><td colspan="3">nothing but attempts and commits</td></tr>`)
	}
	d.add(`</tbody></table>
`)
	if v.MoreRows > 0 {
		d.note("%v more are left out.", v.MoreRows)
	}
	d.add(`</div></details>
`)
}

// cells writes a row of a table.
func (d *document) cells(values ...any) {
	d.add(`<tr>`)
	for _, value := range values {
		d.add(`<td>%v</td>`, value)
	}
	d.add(`</tr>`)
}

func (d *document) vain(v view) {
	d.add(`<section aria-labelledby="h-vain"><h2 id="h-vain">What was redone, and why</h2>
`)
	for i, g := range v.Vain {
		d.add(`<details class="vain" id="d-vain-%v"><summary><i class="sw %v"></i><span>%v</span> <small>%v</small></summary>
<div class="wide" tabindex="0" role="region" aria-label="Attempts in vain"><table><thead><tr><th>At</th><th>Worker</th><th>Tasks</th><th>Took</th><th>Done for good by</th></tr></thead><tbody>
`, i, g.Outcome, g.Why, text.Plural(g.Attempts, "attempt"))
		for _, r := range g.Rows {
			d.cells(r.At, r.Worker, r.Tasks, r.Took, r.Again)
		}
		d.add(`</tbody></table></div></details>
`)
	}
	if len(v.Vain) == 0 {
		d.note("Nothing was done in vain.")
	}
	if v.MoreVain > 0 {
		d.note("%v more reasons are left out.", v.MoreVain)
	}
	d.add(`</section>

`)
}

func (d *document) times(v view) {
	d.add(`<section aria-labelledby="h-time"><h2 id="h-time">Where the time went</h2>
`)
	for _, b := range v.Bars {
		d.add(`<h3>%v</h3>
<div class="stack" aria-hidden="true">`, b.Name)
		for _, p := range b.Parts {
			d.add(`<i class="%v" style="width:%v%%"></i>`, p.Class, p.Percent)
		}
		d.add(`</div>
<ul class="parts">`)
		for _, p := range b.Parts {
			d.add(`<li><i class="sw %v"></i>%v <b>%v</b> <small>%v%%</small></li>`, p.Class, p.Name, p.Took, fmt.Sprintf("%.0f", p.Percent))
		}
		d.add(`</ul>`)
	}
	d.add(`
</section>

`)
}

func (d *document) words(v view) {
	d.add(`<section aria-labelledby="h-words"><h2 id="h-words">Top words</h2>
`)
	if len(v.Words) == 0 {
		d.note("The words are known when the job is sealed.")
	} else {
		d.add(`<table class="words"><thead class="hidden"><tr><th>Word</th><th>Count</th></tr></thead><tbody>`)
		for _, w := range v.Words {
			d.add(`<tr><th scope="row"><bdi>%v</bdi></th><td><i style="width:%v%%"></i><span>%v</span></td></tr>`, w.Word, w.Percent, w.N)
		}
		d.add(`</tbody></table>
`)
	}
	d.add(`</section>
`)
}
