package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"

	"github.com/dustin/go-humanize"
)

// sweep shows how the cost of a job grows with one thing.
type sweep struct {
	name, title string
	x           string // what the axis is
	points      []point
	picture     string // its file
}

// point is one measurement: the whole job, and the kernel alone on the same corpus.
type point struct {
	x       float64 // 0: the distinct words that are found
	label   string
	corpus  func(context.Context) (corpusDir, error)
	workers int // 0: as many as there are processors
	rows    []row
}

var sweepNames = []string{"workers", "files", "words", "bytes"}

// sweep measures along an axis, and draws the picture.
func (b bench) sweep(ctx context.Context, name string) (sweep, error) {
	s := b.axis(name)
	s.name, s.picture = name, filepath.Join(b.pictures, name+".svg")
	var failures error
	for i := range s.points {
		err := b.measurePoint(ctx, name, &s.points[i])
		failures = errors.Join(failures, err)
		if s.points[i].rows == nil {
			s.points = s.points[:i]
			return s, failures
		}
	}
	if err := s.draw(b.rounds); err != nil {
		return s, errors.Join(failures, err)
	}
	b.say("%s", s.picture)
	return s, failures
}

func (b bench) measurePoint(ctx context.Context, sweep string, p *point) error {
	c, err := p.corpus(ctx)
	if err != nil {
		return err
	}
	var job, kernel []string
	if p.workers > 0 {
		n := strconv.Itoa(p.workers)
		job, kernel = []string{"WORDCOUNT_WORKERS=" + n}, []string{"GOMAXPROCS=" + n}
	}
	x := strconv.FormatFloat(p.x, 'f', -1, 64)
	if p.x == 0 {
		x = strconv.Itoa(c.words)
	}
	p.rows, err = b.measure(ctx, "Sweeps/"+sweep+"="+x, []entry{
		{theJob, b.job("sweep", job...), c},
		{"the kernel alone", b.inRole("kernel", kernel...), c},
	})
	if p.rows != nil && p.x == 0 {
		p.x = float64(p.rows[0].tally.distinct)
		p.label = short(p.x)
	}
	return err
}

func (b bench) axis(name string) (s sweep) {
	switch name {
	case "workers":
		s = sweep{title: "Time by the number of workers", x: "worker processes; threads of the kernel"}
		for n := 1; n <= 8; n++ {
			s.points = append(s.points, point{x: float64(n), label: strconv.Itoa(n), corpus: b.bigFirst(16), workers: n})
		}
	case "files":
		s = sweep{title: "Time by the number of files, of the same total", x: "files"}
		for _, n := range []int64{1_000, 3_000, 10_000, 30_000, 100_000} {
			files := b.scaled(n, n/1000)
			s.points = append(s.points, point{x: float64(files), label: short(float64(files)), corpus: b.generated(512<<20, int(files), defaultWords)})
		}
	case "words":
		s = sweep{title: "Time by the number of distinct words", x: "distinct words in the result"}
		for _, n := range []int64{10_000, 100_000, 1_000_000, 10_000_000} {
			s.points = append(s.points, point{corpus: b.generated(2<<30, defaultFiles, int(b.scaled(n, n/1000)))})
		}
	case "bytes":
		s = sweep{title: "Time by the size of the input", x: "bytes of input"}
		for n := 1; n <= bigFiles; n *= 2 {
			bytes := float64(b.scaled(8<<30, 1<<20)) * float64(n) / bigFiles
			s.points = append(s.points, point{x: bytes, label: humanize.IBytes(uint64(bytes)), corpus: b.bigFirst(n)})
		}
	}
	return s
}

func (b bench) generated(bytes int64, files, words int) func(context.Context) (corpusDir, error) {
	return func(ctx context.Context) (corpusDir, error) {
		return b.corpus(ctx, b.scaled(bytes, 1<<20), files, words)
	}
}

// bigFirst is a part of the big corpus.
func (b bench) bigFirst(files int) func(context.Context) (corpusDir, error) {
	return func(ctx context.Context) (corpusDir, error) {
		c, err := b.big(ctx)
		if err != nil {
			return c, err
		}
		return c.first(files)
	}
}

// short is a number in few letters, as 30k.
func short(x float64) string {
	value, prefix := humanize.ComputeSI(x)
	return fmt.Sprintf("%.3g%s", value, prefix)
}

// draw writes the picture.
func (s sweep) draw(rounds int) error {
	c := chart{title: s.title, x: s.x, y: "seconds"}
	c.subtitle = fmt.Sprintf("medians of %d, and from the fastest to the slowest; %s", rounds, s.corpora())
	for i := range s.points[0].rows {
		line := series{name: s.points[0].rows[i].name}
		for _, p := range s.points {
			if t := p.rows[i].seconds(); t.median > 0 {
				line.points = append(line.points, dot{p.x, t.median, t.min, t.max, p.label})
			}
		}
		c.series = append(c.series, line)
	}
	err := os.MkdirAll(filepath.Dir(s.picture), 0o755)
	if err == nil {
		err = os.WriteFile(s.picture, c.svg(), 0o644)
	}
	if err != nil {
		return fmt.Errorf("draw %s: %w", s.name, err)
	}
	return nil
}

// corpora says what all corpora of the sweep have in common, and the machine.
func (s sweep) corpora() string {
	c, text := s.points[0].rows[0].corpus, ""
	for _, property := range []struct {
		text string
		of   func(corpusDir) int64
	}{
		{c.size() + ", ", func(c corpusDir) int64 { return c.bytes }},
		{humanize.Comma(int64(c.files)) + " files, ", func(c corpusDir) int64 { return int64(c.files) }},
		{"vocabulary " + short(float64(c.words)) + ", ", func(c corpusDir) int64 { return int64(c.words) }},
	} {
		if !slices.ContainsFunc(s.points, func(p point) bool { return property.of(p.rows[0].corpus) != property.of(c) }) {
			text += property.text
		}
	}
	return text + fmt.Sprintf("%d processors", runtime.NumCPU())
}
