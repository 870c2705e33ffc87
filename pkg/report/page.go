package report

import (
	"crypto/sha256"
	_ "embed" // the parts of the page
	"encoding/base64"
	"fmt"
	"io"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/magereduce/magereduce/pkg/report/text"
	"github.com/magereduce/magereduce/pkg/report/timeline"
)

//go:embed page.css
var pageCSS string

//go:embed page.js
var pageJS string

// Word is a word with its count.
type Word struct {
	Word string
	N    uint64
}

// tableRows is how many rows the table has that says the same as the picture.
const tableRows = 400

// view is what a page shows.
type view struct {
	Title    string
	Live     bool
	Run      timeline.Run
	Subtitle string
	Figures  []figure
	Lanes    []drawnLane
	More     int // lanes that are not drawn
	Lines    []drawnMark
	Ticks    []tick
	Charts   []chart
	Vain     []redone
	MoreVain int // reasons that are not listed
	Bars     []timeBar
	Words    []word
	Table    []row
	MoreRows int
}

// word is a word as it is drawn.
type word struct {
	Word, N string
	Percent float64
}

// timeBar says how a whole of time was spent.
type timeBar struct {
	Name  string
	Parts []part
}

// row is an event in the table that says the same as the picture.
type row struct{ At, Worker, What string }

// Write writes the page of a run that is over, or stands still. words may be nil.
func Write(w io.Writer, r timeline.Run, words []Word) error {
	_, err := io.WriteString(w, whole(viewOf(r, words, false)))
	return err
}

// whole is the page with a view.
func whole(v view) string {
	var main, all document
	main.main(v)
	all.page(v.Title, v.Live, markup(main.String()))
	return all.String()
}

// frame is the page around a fragment, for a job that runs.
func frame(main []byte) string {
	var all document
	all.page("magereduce, live", true, markup(main))
	return all.String()
}

// fragment is the part of the page that changes while the job runs.
func fragment(r timeline.Run, words []Word) []byte {
	var main document
	main.main(viewOf(r, words, true))
	return []byte(main.String())
}

// policy forbids the page everything but its own script and styles.
func policy(live bool) string {
	sum := sha256.Sum256([]byte(pageJS))
	p := "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; script-src 'sha256-" +
		base64.StdEncoding.EncodeToString(sum[:]) + "'"
	if live {
		p += "; connect-src 'self'"
	}
	return p
}

func viewOf(run timeline.Run, words []Word, live bool) view {
	r := drawing{run}
	v := view{
		Title: "Run of job " + r.Job, Live: live,
		Run: run, Figures: r.figures(), Ticks: r.ticks(), Charts: r.charts(),
		Bars: []timeBar{{"The run", r.wall()}, {"The workers", r.labour()}},
	}
	if !r.From.IsZero() {
		v.Subtitle = r.From.Local().Format(time.DateTime) + ", " + text.Short(r.Length())
	}
	for _, l := range r.Lanes {
		if len(v.Lanes) == lanesMost {
			v.More = len(r.Lanes) - lanesMost
			break
		}
		v.Lanes = append(v.Lanes, r.lane(l))
	}
	for _, m := range r.Marks {
		if m.Lane == nil && len(v.Lines) < marksMost {
			v.Lines = append(v.Lines, r.drawn(m))
		}
	}
	v.Vain, v.MoreVain = r.inVain()
	for _, w := range words {
		v.Words = append(v.Words, word{text.Cut(w.Word, 80), humanize.Comma(int64(w.N)), 100 * float64(w.N) / float64(max(words[0].N, 1))})
	}
	v.Table, v.MoreRows = r.table()
	return v
}

// table lists the marks of the picture. more is how many marks are left out.
func (r drawing) table() (rows []row, more int) {
	for _, m := range r.Marks {
		who := "all"
		if m.Lane != nil {
			who = fmt.Sprint(m.Lane.Number)
		}
		rows = append(rows, row{r.clock(m.At), who, text.Cut(m.Text, 2*text.WhyMost)})
	}
	if len(rows) > tableRows {
		more = len(rows) - tableRows
		rows = rows[:tableRows]
	}
	return rows, more
}
