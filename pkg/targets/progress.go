package targets

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/magereduce/magereduce/pkg/wordcount"
)

const (
	barEvery  = 100 * time.Millisecond // between two drawings of the bar, which syncs at each write
	lineEvery = 3 * time.Second        // between two lines, without a terminal

	eraseLine = "\r\x1b[2K" // erases the line on a terminal
)

// progress shows how far a job is. On a terminal it draws one bar, with events as lines above the
// bar. Elsewhere it prints a line from time to time. It writes to standard error, because only
// results go to standard output.
type progress struct {
	total  int64                    // bytes; set before the first update
	living func() (n, restarts int) // number of workers and of their restarts; may be nil

	mu       sync.Mutex // guards the fields below, and keeps the bar and other lines apart
	out      *os.File
	terminal bool
	bar      *progressbar.ProgressBar
	began    time.Time
	shown    time.Time
	from     int64 // bytes that were done at the time began
}

func newProgress(out *os.File) *progress {
	return &progress{out: out, terminal: term.IsTerminal(int(out.Fd()))}
}

// line prints one line, above the bar if there is a bar.
func (p *progress) line(text string) { p.print(p.out, text) }

// result prints a line of a result to standard output, above the bar if there is a bar.
func (p *progress) result(text string) { p.print(os.Stdout, text) }

func (p *progress) print(to *os.File, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.Clear()
	}
	text = plain(text)
	if p.terminal && term.IsTerminal(int(to.Fd())) {
		text = eraseLine + text // another process may have drawn its bar here
	}
	fmt.Fprintln(to, text)
	if p.bar != nil {
		p.bar.RenderBlank()
	}
}

// passing shows a line on a terminal. The next line replaces it.
func (p *progress) passing(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text = plain(text)
	if width, _, err := term.GetSize(int(p.out.Fd())); p.terminal && p.bar == nil && err == nil && width > 0 {
		if runes := []rune(text); len(runes) >= width {
			text = string(runes[:width-1])
		}
		fmt.Fprint(p.out, eraseLine+text)
	}
}

// update shows a status of the job.
func (p *progress) update(st wordcount.Status) {
	switch phase := st.Phase; {
	case phase == "map":
		p.advance("map", st.Bytes)
	case phase == "reduce":
		p.advance(fmt.Sprintf("reduce %d/%d", st.Reduced, st.Reducers), p.total)
	default:
		p.advance("seal", p.total)
	}
}

// advance shows that the first done bytes of the total are done.
func (p *progress) advance(phase string, done int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.began.IsZero() {
		p.began, p.shown, p.from = now, now, done
	}
	if p.living != nil {
		n, restarts := p.living()
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
		eta = time.Duration(float64(p.total-done) / rate * float64(time.Second)).Round(time.Second).String()
	}
	fmt.Fprintf(p.out, "%s  %d%%  %s/%s  %s/s  eta %s\n", phase, percent(done, p.total), humanize.IBytes(uint64(done)),
		humanize.IBytes(uint64(p.total)), humanize.IBytes(uint64(max(rate, 0))), eta)
}

func percent(done, total int64) int64 {
	if total == 0 {
		return 100
	}
	return done * 100 / total
}

func (p *progress) draw(phase string, done int64, now time.Time) {
	if p.total == 0 {
		return
	}
	if p.bar == nil {
		fmt.Fprint(p.out, eraseLine)
		p.bar = progressbar.NewOptions64(p.total,
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
	p.bar.Set64(min(done, p.total-1))
}

// finish removes the bar.
func (p *progress) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.Clear()
		p.bar = nil
	}
	p.began = time.Time{}
}
