package bench

import (
	"context"
	"errors"
)

// Goal is a pair of jobs that differ in one thing, and what that may cost.
type Goal struct {
	Name  string  `json:"name"`
	Limit float64 `json:"limit"` // of the ratio
	Ratio float64 `json:"ratio"` // seconds of the second row, to those of the first
	Met   bool    `json:"met"`
	Rows  []Row   `json:"rows"` // without the thing, and with it
}

// never is longer than any job: the last checkpoint, which sealing needs, remains.
const never = "WORDCOUNT_CHECKPOINT=100h"

// Goals measures what safety costs, and what many small files do.
func (b Bench) Goals(ctx context.Context) (goals []Goal, err error) {
	b, err = b.complete(DefaultRounds)
	if err != nil {
		return nil, err
	}
	big, err := b.big(ctx)
	if err != nil {
		return nil, err
	}
	files := int(b.scaled(100_000, 10))
	small, err := b.corpus(ctx, int64(files)<<10, files, DefaultWords)
	if err != nil {
		return nil, err
	}
	whole, err := small.joined()
	if err != nil {
		return nil, err
	}
	calm, killed := b.job("calm", "WORDCOUNT_WORKERS=4"), b.job("killed", "WORDCOUNT_WORKERS=4")
	killed.kill = b.KillEvery
	var failures error
	for _, g := range []struct {
		name          string
		limit         float64
		without, with entry
	}{
		{"checkpoints every 5 s, against none but the last", 1.03,
			entry{"no checkpoints", b.job("unsaved", never), big, ""},
			entry{"every 5 s", b.job("saved", "WORDCOUNT_CHECKPOINT=5s"), big, ""}},
		{"files of 1 KiB, against one of the same bytes", 3,
			entry{"one file", b.job("one-file"), whole, ""},
			entry{"files of 1 KiB", b.job("many-files"), small, ""}},
		{"killing one of four workers every " + b.KillEvery.String() + ", against none", 1.3,
			entry{"none killed", calm, big, ""},
			entry{"one killed every " + b.KillEvery.String(), killed, big, ""}},
	} {
		rows, err := b.measure(ctx, []entry{g.without, g.with})
		if rows == nil {
			return goals, err
		}
		failures = errors.Join(failures, err)
		ratio := rows[1].Ratio
		goals = append(goals, Goal{g.name, g.limit, ratio, ratio > 0 && ratio <= g.limit, rows})
	}
	return goals, failures
}

// big is the corpus for what needs a job of many seconds. A part of it serves where less will do.
func (b Bench) big(ctx context.Context) (Corpus, error) {
	return b.corpus(ctx, b.scaled(8<<30, 1<<20), bigFiles, int(b.scaled(1_000_000, 1000)))
}

const bigFiles = 128
