package bench

import (
	"context"
	"fmt"
	"runtime"
)

// goal is a comparison of what the job can do with what it should be measured by: rows[base].
type goal struct {
	name string
	rows []row
	base int
}

const (
	// never is longer than any job: the last checkpoint, which sealing needs, remains.
	never = "WORDCOUNT_CHECKPOINT=100h"
	// inFiles is a result that is in files, with but few words in the sorted set.
	inFiles = "WORDCOUNT_KEEP=1000"
)

// goalNames are the goals, in the order in which they are measured. The first four are the job against
// C, and the last six are in others_test.go.
var goalNames = []string{"many-bytes", "half-GiB", "one-core", "many-words", "checkpoints", "small-files", "sleeping", "dying", "verify", "gzip", "jsonl", "csv", "regexp", "unicode", "s3"}

// goal measures one of the goals. It has no rows if it can't be measured here.
func (b bench) goal(ctx context.Context, name string) (goal, error) {
	g := goal{name: name}
	entries, err := b.compared(ctx, &g)
	if err != nil || len(entries) == 0 {
		return g, err
	}
	g.rows, err = b.measure(ctx, "Goals/"+name, entries)
	return g, err
}

// compared returns what a goal compares. The job comes first, because its counts are those that the
// others must have.
func (b bench) compared(ctx context.Context, g *goal) ([]entry, error) {
	switch g.name {
	case "many-bytes":
		big, err := b.big(ctx)
		if err != nil {
			return nil, err
		}
		c, err := big.first(bigFiles / 2)
		return b.againstC(ctx, g, c, runtime.NumCPU()), err
	case "half-GiB":
		c, err := b.middle(ctx)
		return b.againstC(ctx, g, c, runtime.NumCPU()), err
	case "one-core":
		c, err := b.middle(ctx)
		return b.againstC(ctx, g, c, 1), err
	case "many-words":
		c, err := b.corpus(ctx, b.scaled(2<<30, 1<<20), defaultFiles, int(b.scaled(10_000_000, 10_000)))
		return b.againstC(ctx, g, c, runtime.NumCPU()), err
	case "checkpoints":
		c, err := b.big(ctx)
		return []entry{
			{"the last one alone", b.job("unsaved", never), c},
			{"every 5 s", b.job("saved", "WORDCOUNT_CHECKPOINT=5s"), c},
		}, err
	case "small-files":
		files := int(b.scaled(100_000, 10))
		small, err := b.corpus(ctx, int64(files)<<10, files, defaultWords)
		if err != nil {
			return nil, err
		}
		whole, err := small.joined()
		return []entry{
			{"one file", b.job("one-file"), whole},
			{"files of 1 KiB", b.job("many-files"), small},
		}, err
	case "sleeping":
		c, err := b.middle(ctx)
		return []entry{
			{"none of four asleep", b.job("awake", "WORDCOUNT_WORKERS=4"), c},
			{"one asleep for 30 s at each task", b.job("asleep", "WORDCOUNT_WORKERS=4", "WORDCOUNT_FAULTS=slow=30s:1"), c},
		}, err
	case "dying":
		if runtime.GOOS != "linux" {
			b.say("skipped %s: only Linux tells which processes are workers", g.name)
			return nil, nil
		}
		calm, killed := b.job("calm", "WORDCOUNT_WORKERS=4"), b.job("killed", "WORDCOUNT_WORKERS=4")
		killed.kill = b.killEvery
		c, err := b.big(ctx)
		return []entry{
			{"none of four killed", calm, c},
			{"one killed every " + b.killEvery.String(), killed, c},
		}, err
	case "verify":
		c, err := b.middle(ctx)
		return []entry{
			{theJob, b.job("run"), c},
			{"verify", verification{b.job("verify")}, c},
		}, err
	}
	return b.others(ctx, g)
}

// againstC compares the job with C, each with so many threads or workers: with a result in files, and
// with the whole sorted set. What the set must cost at least is a row of its own.
func (b bench) againstC(ctx context.Context, g *goal, c corpusDir, n int) []entry {
	workers := fmt.Sprintf("WORDCOUNT_WORKERS=%d", n)
	entries := b.wholeAndInFiles(c, workers)
	whole := entries[0].contender.(*job)
	entries = append(entries, entry{"ZADD alone", bareZADD{b.server("zadd"), whole}, c})
	if p, ok := b.buildC(ctx); ok {
		g.base = len(entries)
		entries = append(entries, entry{nameOfC(n), b.program(withThreads(p, n)), c})
	}
	return entries
}

// middle is the corpus for what needs a job of a second or two.
func (b bench) middle(ctx context.Context) (corpusDir, error) {
	return b.corpus(ctx, b.scaled(512<<20, 1<<20), defaultFiles, defaultWords)
}
