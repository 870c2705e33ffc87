package bench

import (
	"context"
	"errors"
	"runtime"
)

// goal is a pair of jobs that differ in one thing: rows[0] is without it, rows[1] with it.
type goal struct {
	name string
	rows []row
}

// never is longer than any job: the last checkpoint, which sealing needs, remains.
const never = "WORDCOUNT_CHECKPOINT=100h"

// goals measures what checkpoints, many small files, and sleeping and dying workers cost.
func (b bench) goals(ctx context.Context) (goals []goal, err error) {
	big, err := b.big(ctx)
	if err != nil {
		return nil, err
	}
	files := int(b.scaled(100_000, 10))
	small, err := b.corpus(ctx, int64(files)<<10, files, defaultWords)
	if err != nil {
		return nil, err
	}
	whole, err := small.joined()
	if err != nil {
		return nil, err
	}
	middle, err := b.corpus(ctx, b.scaled(512<<20, 1<<20), defaultFiles, defaultWords)
	if err != nil {
		return nil, err
	}
	type pair struct {
		name          string
		without, with entry
	}
	pairs := []pair{
		{"checkpoints",
			entry{"the last one alone", b.job("unsaved", never), big},
			entry{"every 5 s", b.job("saved", "WORDCOUNT_CHECKPOINT=5s"), big}},
		{"small files",
			entry{"one file", b.job("one-file"), whole},
			entry{"files of 1 KiB", b.job("many-files"), small}},
		{"a sleeping worker",
			entry{"none of four asleep", b.job("awake", "WORDCOUNT_WORKERS=4"), middle},
			entry{"one asleep for 30 s at each task", b.job("asleep", "WORDCOUNT_WORKERS=4", "WORDCOUNT_FAULTS=slow=30s:1"), middle}},
	}
	if runtime.GOOS == "linux" {
		calm, killed := b.job("calm", "WORDCOUNT_WORKERS=4"), b.job("killed", "WORDCOUNT_WORKERS=4")
		killed.kill = b.killEvery
		pairs = append(pairs, pair{"dying workers",
			entry{"none of four killed", calm, big},
			entry{"one killed every " + b.killEvery.String(), killed, big}})
	} else {
		b.say("skipped dying workers: only Linux tells which processes they are")
	}
	var failures error
	for _, p := range pairs {
		rows, err := b.measure(ctx, "Goals", []entry{p.without, p.with})
		failures = errors.Join(failures, err)
		if rows == nil {
			break
		}
		goals = append(goals, goal{p.name, rows})
	}
	return goals, failures
}
