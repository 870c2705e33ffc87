package report

import (
	"crypto/sha256"
	_ "embed" // the parts of the page
	"encoding/base64"
	"fmt"
	"io"
	"time"

	"github.com/dustin/go-humanize"
)

//go:embed page.css
var pageCSS string

//go:embed page.js
var pageJS string

// view is what a page shows.
type view struct {
	Title    string
	Live     bool
	Run      Run
	Subtitle string
	Figures  []figure
	Lanes    []drawnLane
	More     int // lanes that are not drawn
	Lines    []drawnMark
	Ticks    []tick
	Charts   []chart
	Vain     []*redone
	MoreVain int // reasons that are not listed
	Bars     []timeBar
	Words    []word
	Table    []row
	MoreRows int
}

// figure is a number of the job.
type figure struct{ Value, Name string }

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
func Write(w io.Writer, r Run, words []Word) error {
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
func fragment(r Run, words []Word) []byte {
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

func viewOf(r Run, words []Word, live bool) view {
	v := view{
		Title: "Run of job " + r.Job, Live: live,
		Run: r, Figures: r.figures(), Ticks: r.ticks(), Charts: r.charts(), Vain: r.inVain(),
		Bars: []timeBar{{"The run", r.wall()}, {"The workers", r.labour()}},
	}
	if !r.From.IsZero() {
		v.Subtitle = r.From.Local().Format(time.DateTime) + ", " + short(r.length())
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
	if len(v.Vain) > reasons {
		v.Vain, v.MoreVain = v.Vain[:reasons], len(v.Vain)-reasons
	}
	for _, w := range words {
		v.Words = append(v.Words, word{cut(w.Word, 80), humanize.Comma(int64(w.N)), 100 * float64(w.N) / float64(max(words[0].N, 1))})
	}
	v.Table, v.MoreRows = r.table()
	return v
}

// figures are the numbers of the job.
func (r Run) figures() []figure {
	count := func(kind Kind) (n int) {
		for _, m := range r.Marks {
			if m.Kind == kind {
				n++
			}
		}
		return n
	}
	inVain, attempts := 0, 0
	for _, l := range r.Lanes {
		for _, a := range l.Attempts {
			attempts++
			if a.Outcome != Committed && a.Outcome != Open {
				inVain++
			}
		}
	}
	var all []figure
	add := func(value, name string) { all = append(all, figure{value, name}) }
	number := func(n int, one, many string) {
		if n != 1 {
			one = many
		}
		add(humanize.Comma(int64(n)), one)
	}
	if r.State == Sealed {
		number(int(r.Sealed.Words), "word", "words")
		number(r.Sealed.Distinct, "distinct word", "distinct words")
	}
	number(r.Begin.Files, "file", "files")
	add(humanize.IBytes(uint64(max(r.Begin.Bytes, 0))), "of input")
	add(short(r.length()), "in all")
	number(r.Begin.Maps, "map task", "map tasks")
	number(r.Begin.Reducers, "partition", "partitions")
	number(len(r.Lanes), "lane", "lanes")
	number(attempts, "attempt", "attempts")
	number(inVain, "in vain", "in vain")
	number(count(Death), "death", "deaths")
	number(count(Theft), "theft", "thefts")
	number(count(Restart), "restart of Redis", "restarts of Redis")
	number(count(Checkpoint), "checkpoint", "checkpoints")
	return all
}

// table lists marks and the attempts in vain, which is what the picture shows.
func (r Run) table() (rows []row, more int) {
	for _, m := range r.Marks {
		who := "all"
		if m.Lane != nil {
			who = fmt.Sprint(m.Lane.Number)
		}
		rows = append(rows, row{r.clock(m.At), who, cut(m.Text, 2*whyMost)})
	}
	if len(rows) > tableRows {
		more = len(rows) - tableRows
		rows = rows[:tableRows]
	}
	return rows, more
}
