package bench

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/dustin/go-humanize"
)

var (
	againstFlag  = flag.String("against", "", "more contenders for Pairs: `NAME: COMMAND {dir} {out} ;; …`")
	bytesFlag    = flag.String("bytes", "512MiB", "`size` of the corpus of Pairs")
	filesFlag    = flag.Int("files", defaultFiles, "number of its files")
	wordsFlag    = flag.Int("words", defaultWords, "number of the words that can occur in it")
	roundsFlag   = flag.Int("rounds", 0, "rounds that count; 5, and 3 at each point of Sweeps")
	scaleFlag    = flag.Float64("scale", 1, "of the corpora of Goals and Sweeps; 0.01 is a hundredth")
	outFlag      = flag.String("out", "", "`file` for every round, in the format of Go's benchmarks")
	picturesFlag = flag.String("pictures", ".bench", "`folder` for the pictures of Sweeps")
)

const (
	defaultFiles = 64
	defaultWords = 200_000
	bigFiles     = 128
)

// bench says what to measure, and on what.
type bench struct {
	dir       string // for corpora, which stay, and jobs, which don't; absolute
	rounds    int    // that count
	scale     float64
	pictures  string        // a folder
	killEvery time.Duration // a worker, for goals
	env       []string      // for the targets
	tb        testing.TB    // which servers end with
	quick     bool          // no peer is built that takes minutes

	say      func(format string, args ...any) // gets a line about each thing that is done
	log      *results
	recounts map[string]tally // by folder
}

// BenchmarkPairs compares the job with other ways to count the same corpus.
func BenchmarkPairs(b *testing.B) {
	ctx, at := begin(b, 5)
	size, err := humanize.ParseBytes(*bytesFlag)
	if err != nil || size == 0 || size > 1<<53 {
		b.Fatalf("-bytes=%s: write a size, as 512MiB", *bytesFlag)
	}
	outsiders, err := parseOutsiders(*againstFlag)
	must(b, err)
	c, err := at.corpus(ctx, int64(size), *filesFlag, *wordsFlag)
	must(b, err)
	contenders := slices.Concat(at.ours(c), at.shell(c), at.peers(ctx, c), at.outside(c, outsiders))
	rows, err := at.measure(ctx, "Pairs", contenders)
	if rows != nil {
		printPairs(os.Stdout, rows)
		b.ReportMetric(rows[0].seconds().median*1e9, "ns/op")
	}
	end(b, at, err)
}

// BenchmarkGoals compares the job with C, and measures what safety, awkward inputs and a recount cost.
func BenchmarkGoals(b *testing.B) {
	for _, name := range goalNames {
		b.Run(name, func(b *testing.B) {
			ctx, at := begin(b, 5)
			g, err := at.goal(ctx, name)
			printGoal(os.Stdout, g)
			end(b, at, err)
		})
	}
}

// BenchmarkSweeps measures how the cost grows with one thing, and draws a picture of it.
func BenchmarkSweeps(b *testing.B) {
	for _, name := range sweepNames {
		b.Run(name, func(b *testing.B) {
			ctx, at := begin(b, 3)
			sweep, err := at.sweep(ctx, name)
			printSweep(os.Stdout, sweep)
			end(b, at, err)
		})
	}
}

// begin does what the flags say, in the folder of the repository.
func begin(b *testing.B, rounds int) (context.Context, bench) {
	b.Helper()
	b.Chdir(filepath.Join("..", ".."))
	b.ReportMetric(0, "ns/op") // that of the benchmark's own loop means nothing
	ctx, stop := signal.NotifyContext(b.Context(), os.Interrupt, syscall.SIGTERM)
	b.Cleanup(stop)
	dir, err := filepath.Abs(filepath.Join(".wordcount", "bench"))
	must(b, err)
	at := bench{
		dir: dir, rounds: cmp.Or(*roundsFlag, rounds), scale: *scaleFlag, pictures: *picturesFlag, killEvery: time.Second,
		say: func(format string, args ...any) { fmt.Fprintf(os.Stderr, "bench            "+format+"\n", args...) },
		log: &results{}, recounts: map[string]tally{}, tb: b,
	}
	switch {
	case at.rounds < 1:
		b.Fatalf("-rounds=%d: give 1 or more", at.rounds)
	case !(at.scale > 0 && at.scale <= 1):
		b.Fatalf("-scale=%v: give more than 0, up to 1", at.scale)
	}
	must(b, os.MkdirAll(at.dir, 0o755))
	fmt.Printf("\n%s\n", machine()) // go test has begun a line
	return ctx, at
}

// end writes what was measured, also where a contender failed.
func end(b *testing.B, at bench, err error) {
	b.Helper()
	if *outFlag != "" {
		err = errors.Join(err, at.log.append(*outFlag))
	}
	must(b, err)
}

// scaled is a size or a number at the scale, at least the least that makes sense.
func (b bench) scaled(n, least int64) int64 {
	return max(int64(math.Round(float64(n)*b.scale)), least)
}

// big is the corpus for what needs a job of many seconds. A part of it serves where less will do.
func (b bench) big(ctx context.Context) (corpusDir, error) {
	return b.corpus(ctx, b.scaled(8<<30, 1<<20), bigFiles, int(b.scaled(1_000_000, 1000)))
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
