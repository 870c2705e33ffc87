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

// Progress shows how far a job is. On a terminal it draws one bar, with events as lines above the
// bar. Elsewhere it prints a line from time to time. It writes to standard error, because only
// results go to standard output.
type Progress struct {
	Total  int64                    // bytes; set before the first Update
	Living func() (n, restarts int) // number of workers and of their restarts; may be nil
	// Quiet says not to keep lines about events, because an attack prints one line for each fault.
	Quiet atomic.Bool

	mu       sync.Mutex // guards the fields below, and keeps the bar and other lines apart
	out      *os.File
	terminal bool
	bar      *progressbar.ProgressBar
	began    time.Time
	shown    time.Time
	from     int64 // bytes that were done at the time began
}

// NewProgress returns a Progress that writes to out.
func NewProgress(out *os.File) *Progress {
	return &Progress{out: out, terminal: term.IsTerminal(int(out.Fd()))}
}

// Update shows a status of the job.
func (p *Progress) Update(st wordcount.Status) {
	switch st.Phase {
	case protocol.Mapping:
		p.Advance("map", st.Bytes)
	case protocol.Reducing:
		p.Advance(fmt.Sprintf("reduce %d/%d", st.Reduced, st.Reducers), p.Total)
	default:
		p.Advance("seal", p.Total)
	}
}

// Advance shows that the first done bytes of the total are done.
func (p *Progress) Advance(phase string, done int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.began.IsZero() {
		p.began, p.shown, p.from = now, now, done
	}
	if p.Living != nil {
		n, restarts := p.Living()
		phase = fmt.Sprintf("%s · %d workers", phase, n)
		if restarts > 0 {
			phase = fmt.Sprintf("%s · %d restarts", phase, restarts)
		}
	}
	if p.terminal {
		p.draw(phase, done, now)
		return
	}
	if now.Sub(p.shown) < lineEvery {
		return
	}
	p.shown = now
	rate := float64(done-p.from) / now.Sub(p.began).Seconds()
	eta := "?"
	if rate > 0 {
		eta = time.Duration(float64(p.Total-done) / rate * float64(time.Second)).Round(time.Second).String()
	}
	fmt.Fprintf(p.out, "%s  %d%%  %s/%s  %s/s  eta %s\n", phase, percent(done, p.Total), humanize.IBytes(uint64(done)),
		humanize.IBytes(uint64(p.Total)), humanize.IBytes(uint64(max(rate, 0))), eta)
}

func percent(done, total int64) int64 {
	if total == 0 {
		return 100
	}
	return done * 100 / total
}

func (p *Progress) draw(phase string, done int64, now time.Time) {
	if p.Total == 0 {
		return
	}
	if p.bar == nil {
		fmt.Fprint(p.out, eraseLine)
		p.bar = progressbar.NewOptions64(p.Total,
			progressbar.OptionSetWriter(p.out), progressbar.OptionThrottle(barEvery), progressbar.OptionShowBytes(true), progressbar.OptionShowCount(),
			progressbar.OptionUseIECUnits(true), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetWidth(24))
	}
	if now.Sub(p.shown) < barEvery {
		return
	}
	p.shown = now
	p.bar.Describe(phase)
	// The bar takes 100% for its end, and draws nothing after that. But the job goes on until it is
	// sealed.
	p.bar.Set64(min(done, p.Total-1))
}

// Finish removes the bar.
func (p *Progress) Finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.Clear()
		p.bar = nil
	}
	p.began = time.Time{}
}
