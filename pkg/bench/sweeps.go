package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/dustin/go-humanize"
)

// Sweep shows how the cost of a job grows with one thing.
type Sweep struct {
	Name    string  `json:"name"`
	Axis    string  `json:"axis"` // what X is
	Points  []Point `json:"points"`
	Picture string  `json:"picture"` // its file
}

// Point is one measurement of a sweep: the whole job, and the kernel alone on the same corpus.
type Point struct {
	X    float64 `json:"x"`
	Rows []Row   `json:"rows"`

	label string
}

// axis is a sweep to be made.
type axis struct {
	name, title, axis string
	points            []func(context.Context) (Point, error)
}

// SweepNames are all sweeps.
var SweepNames = []string{"workers", "files", "words", "bytes"}

// Sweeps measures jobs along the axes that are named, all if none is, and draws a picture of each. It returns those that
// it has finished, whatever happens.
func (b Bench) Sweeps(ctx context.Context, names ...string) (sweeps []Sweep, err error) {
	b, err = b.complete(DefaultSweepRounds)
	if err != nil {
		return nil, err
	}
	var failures error
	for _, a := range []axis{b.byWorkers(), b.byFiles(), b.byWords(), b.byBytes()} {
		if len(names) > 0 && !slices.Contains(names, a.name) {
			continue
		}
		sweep := Sweep{Name: a.name, Axis: a.axis, Picture: filepath.Join(b.Pictures, a.name+".svg")}
		for _, measure := range a.points {
			point, err := measure(ctx)
			if point.Rows == nil {
				return sweeps, errors.Join(err, failures)
			}
			failures = errors.Join(failures, err)
			sweep.Points = append(sweep.Points, point)
		}
		if err := sweep.draw(a.title, b.Rounds); err != nil {
			return sweeps, errors.Join(err, failures)
		}
		b.Say("%s", sweep.Picture)
		sweeps = append(sweeps, sweep)
	}
	return sweeps, failures
}

// point measures the whole job and the kernel.
func (b Bench) point(ctx context.Context, c Corpus, workers int) ([]Row, error) {
	var job, kernel []string // by default as many as there are processors
	if workers > 0 {
		job, kernel = []string{"WORDCOUNT_WORKERS=" + strconv.Itoa(workers)}, []string{"GOMAXPROCS=" + strconv.Itoa(workers)}
	}
	return b.measure(ctx, []entry{
		{Ours, b.job("sweep", job...), c, ""},
		{"the kernel alone", b.inRole("kernel", kernel...), c, ""},
	})
}

func (b Bench) byWorkers() axis {
	a := axis{name: "workers", title: "Time by the number of workers", axis: "worker processes; threads of the kernel"}
	for n := 1; n <= 8; n++ {
		a.points = append(a.points, func(ctx context.Context) (Point, error) {
			c, err := b.bigFirst(ctx, 16)
			if err != nil {
				return Point{}, err
			}
			rows, err := b.point(ctx, c, n)
			return Point{float64(n), rows, strconv.Itoa(n)}, err
		})
	}
	return a
}

func (b Bench) byFiles() axis {
	a := axis{name: "files", title: "Time by the number of files, of the same total", axis: "files"}
	for _, n := range []int64{1_000, 3_000, 10_000, 30_000, 100_000} {
		files := int(b.scaled(n, n/1000))
		a.points = append(a.points, func(ctx context.Context) (Point, error) {
			c, err := b.corpus(ctx, b.scaled(512<<20, 1<<20), files, DefaultWords)
			if err != nil {
				return Point{}, err
			}
			rows, err := b.point(ctx, c, 0)
			return Point{float64(files), rows, short(float64(files))}, err
		})
	}
	return a
}

func (b Bench) byWords() axis {
	a := axis{name: "words", title: "Time by the number of distinct words", axis: "distinct words in the result"}
	for _, n := range []int64{10_000, 100_000, 1_000_000, 10_000_000} {
		words := int(b.scaled(n, n/1000))
		a.points = append(a.points, func(ctx context.Context) (Point, error) {
			c, err := b.corpus(ctx, b.scaled(2<<30, 1<<20), DefaultFiles, words)
			if err != nil {
				return Point{}, err
			}
			rows, err := b.point(ctx, c, 0)
			if rows == nil {
				return Point{}, err
			}
			distinct := float64(rows[0].Distinct)
			return Point{distinct, rows, short(distinct)}, err
		})
	}
	return a
}

func (b Bench) byBytes() axis {
	a := axis{name: "bytes", title: "Time by the size of the input", axis: "bytes of input"}
	for n := 1; n <= bigFiles; n *= 2 {
		a.points = append(a.points, func(ctx context.Context) (Point, error) {
			c, err := b.bigFirst(ctx, n)
			if err != nil {
				return Point{}, err
			}
			rows, err := b.point(ctx, c, 0)
			return Point{float64(c.Bytes), rows, humanize.IBytes(uint64(c.Bytes))}, err
		})
	}
	return a
}

// bigFirst is a part of the big corpus.
func (b Bench) bigFirst(ctx context.Context, files int) (Corpus, error) {
	c, err := b.big(ctx)
	if err != nil {
		return c, err
	}
	return c.first(files)
}

// short is a number in few letters, as 30k.
func short(x float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e6, "M"}, {1e3, "k"}} {
		if x >= unit.size {
			return fmt.Sprintf("%.3g%s", x/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%.3g", x)
}

// draw writes the picture.
func (s Sweep) draw(title string, rounds int) error {
	c := chart{title: title, x: s.Axis, y: "seconds"}
	c.subtitle = fmt.Sprintf("medians of %d, and from the fastest to the slowest; %s", rounds, s.corpora())
	for i, row := range s.Points[0].Rows {
		line := series{name: row.Name}
		for _, p := range s.Points {
			if w := p.Rows[i].Wall; w.Median > 0 {
				line.points = append(line.points, dot{p.X, w.Median, w.Min, w.Max, p.label})
			}
		}
		c.series = append(c.series, line)
	}
	err := os.MkdirAll(filepath.Dir(s.Picture), 0o755)
	if err == nil {
		err = os.WriteFile(s.Picture, c.svg(), 0o644)
	}
	if err != nil {
		return fmt.Errorf("bench: draw %s: %w", s.Name, err)
	}
	return nil
}

// corpora says what all corpora of the sweep have in common, and the machine.
func (s Sweep) corpora() string {
	same := func(of func(Corpus) int64) bool {
		for _, p := range s.Points {
			if of(p.Rows[0].Corpus) != of(s.Points[0].Rows[0].Corpus) {
				return false
			}
		}
		return true
	}
	c, text := s.Points[0].Rows[0].Corpus, ""
	if same(func(c Corpus) int64 { return c.Bytes }) {
		text += c.size() + ", "
	}
	if same(func(c Corpus) int64 { return int64(c.Files) }) {
		text += humanize.Comma(int64(c.Files)) + " files, "
	}
	if same(func(c Corpus) int64 { return int64(c.Words) }) {
		text += "vocabulary " + short(float64(c.Words)) + ", "
	}
	return text + fmt.Sprintf("%d processors", processors())
}
