package show

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

const (
	barEvery  = 100 * time.Millisecond // between two drawings of the bar, which syncs at each write
	lineEvery = 3 * time.Second        // between two lines, without a terminal
)

// Widths in columns. On a narrower terminal, the bar has less beside it. A terminal can't redraw a
// line that it had to break.
const (
	barWidth = 24
	withMuch = 160 // room for the number of hosts, and for what goes wrong
	withTeam = 100 // room for the workers
	withRate = 80  // room for the rate
	withTime = 60  // room for the time that has passed, and the time that is left
)

// Progress shows how far a job is. On a terminal it draws one bar, with events as lines above the
// bar. Elsewhere it prints a line from time to time. It writes to standard error, because only
// results go to standard output.
type Progress struct {
	Total  int64                    // bytes; set before the first Update
	Living func() (n, restarts int) // number of workers and of their restarts; may be nil
	// Quiet says not to keep lines about events, because an attack prints one line for each fault.
	Quiet atomic.Bool

	mu       sync.Mutex // guards the fields below, and keeps the bar and other lines apart
	heard    heard
	everyone int // workers of all hosts
	hosts    int // on which they are
	troubles troubles
	out      *os.File
	terminal bool
	bar      *progressbar.ProgressBar
	fitting  fitting   // what bar was made for
	began    time.Time // the first measure of bytes
	from     int64     // bytes that were done then
	shown    time.Time // the last measure
}

// NewProgress returns a Progress that writes to out.
func NewProgress(out *os.File) *Progress {
	return &Progress{out: out, terminal: term.IsTerminal(int(out.Fd())), heard: heard{}}
}

// measure is how far a phase of a job is.
type measure struct {
	phase string
	done  int64
	total int64 // 0: the phase has no parts
	bytes bool  // the parts are bytes
}

// fitting is what a bar is made for. A bar can't be changed for another.
type fitting struct {
	total   int64
	bytes   bool
	columns int
}

// Update shows a status of the job.
func (p *Progress) Update(st wordcount.Status) {
	p.mu.Lock()
	p.everyone, p.hosts = p.heard.hear(st.Workers, time.Now())
	p.troubles = troublesOf(st)
	p.mu.Unlock()
	switch st.Phase {
	case protocol.Mapping:
		p.Advance("map", st.Bytes)
	case protocol.Reducing:
		p.show(measure{phase: "reduce", done: int64(st.Reduced), total: int64(st.Reducers)})
	default:
		p.show(measure{phase: "seal"})
	}
}

// troubles are what goes wrong with a job, by number.
type troubles struct{ stragglers, retries, revoked int }

func troublesOf(st wordcount.Status) troubles {
	t := troubles{retries: st.Troubles, revoked: st.Revoked}
	for _, w := range workersOf(st, nil, 0) { // without leases: only stragglers are looked for
		if w.Trouble == straggler {
			t.stragglers++
		}
	}
	return t
}

func (t troubles) String() (text string) {
	for _, of := range []struct {
		n    int
		what string
	}{{t.stragglers, "straggler"}, {t.retries, "retry"}} {
		if of.n > 0 {
			text += " · " + Plural(of.n, of.what)
		}
	}
	if t.revoked > 0 {
		text += fmt.Sprintf(" · %d revoked", t.revoked)
	}
	return text
}

// Advance shows that the first done bytes of the total are done.
func (p *Progress) Advance(phase string, done int64) {
	p.show(measure{phase: phase, done: done, total: p.Total, bytes: true})
}

// show shows a measure, unless the last one was shown a moment ago.
func (p *Progress) show(m measure) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, every := time.Now(), lineEvery
	if p.terminal {
		every = barEvery
	}
	if p.shown.IsZero() { // a job that is done at once shows nothing
		p.shown = now
	}
	if p.began.IsZero() && m.bytes {
		p.began, p.from = now, m.done
	}
	if now.Sub(p.shown) < every {
		return
	}
	p.shown = now
	if p.terminal {
		p.draw(m)
		return
	}
	fmt.Fprintln(p.out, m.phase+p.team()+p.more()+p.text(m, now))
}

// team returns who works on the job.
func (p *Progress) team() string {
	if p.Living == nil {
		return ""
	}
	n, restarts := p.Living()
	team := " · " + Plural(n, "worker")
	if joined := p.everyone - n; joined > 0 {
		team += fmt.Sprintf(" · %d joined", joined)
	}
	if restarts > 0 {
		team += " · " + Plural(restarts, "restart")
	}
	return team
}

// more returns on how many hosts they are, and what goes wrong.
func (p *Progress) more() string {
	if p.hosts > 1 {
		return " · " + Plural(p.hosts, "host") + p.troubles.String()
	}
	return p.troubles.String()
}

// text returns a measure in words.
func (p *Progress) text(m measure, now time.Time) string {
	switch {
	case !m.bytes && m.total == 0:
		return ""
	case !m.bytes:
		return fmt.Sprintf("  %d%%  %d/%d", m.percent(), m.done, m.total)
	}
	rate, eta := 0.0, "?"
	if passed := now.Sub(p.began); passed > 0 {
		rate = float64(m.done-p.from) / passed.Seconds()
	}
	if rate > 0 {
		eta = time.Duration(float64(m.total-m.done) / rate * float64(time.Second)).Round(time.Second).String()
	}
	return fmt.Sprintf("  %d%%  %s/%s  %s/s  eta %s", m.percent(), humanize.IBytes(uint64(m.done)),
		humanize.IBytes(uint64(m.total)), humanize.IBytes(uint64(max(rate, 0))), eta)
}

func (m measure) percent() int64 {
	if m.total == 0 {
		return 100
	}
	return m.done * 100 / m.total
}

// draw draws a measure as a bar, or as a spinner if the phase has no parts.
func (p *Progress) draw(m measure) {
	columns, _, err := term.GetSize(int(p.out.Fd()))
	if err != nil || columns <= 0 {
		columns = withRate
	}
	if f := (fitting{m.total, m.bytes, columns}); p.bar == nil || f != p.fitting {
		p.erase()
		fmt.Fprint(p.out, eraseLine)
		p.bar, p.fitting = newBar(p.out, f), f
	}
	phase := m.phase
	if columns >= withTeam {
		phase += p.team()
	}
	if columns >= withMuch {
		phase += p.more()
	}
	p.bar.Describe(phase)
	// The bar takes 100% for its end, and draws nothing after that. But the job goes on until it is
	// sealed.
	p.bar.Set64(max(0, min(m.done, m.total-1)))
}

// newBar makes a bar that fits.
func newBar(out *os.File, f fitting) *progressbar.ProgressBar {
	options := []progressbar.Option{
		progressbar.OptionSetWriter(out), progressbar.OptionThrottle(barEvery), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetWidth(barWidth), progressbar.OptionUseIECUnits(true),
		progressbar.OptionShowBytes(f.bytes && f.columns >= withRate),
		progressbar.OptionSetPredictTime(f.bytes && f.columns >= withTime),
		progressbar.OptionSetElapsedTime(f.columns >= withTime),
	}
	switch {
	case f.total == 0:
		f.total = -1 // a spinner
	case !f.bytes || f.columns >= withRate:
		options = append(options, progressbar.OptionShowCount())
	}
	return progressbar.NewOptions64(f.total, options...)
}

// Finish removes the bar.
func (p *Progress) Finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
	p.began, p.shown = time.Time{}, time.Time{}
}

// erase removes the bar from the terminal.
func (p *Progress) erase() {
	if p.bar != nil {
		p.bar.Clear()
		p.bar = nil
	}
}
