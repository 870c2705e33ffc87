package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// tooSlow is the time of a round from which on a contender is measured once: what takes minutes needs no medians.
const tooSlow = time.Minute

// entry is a contender, and what it counts.
type entry struct {
	name string
	contender
	corpus Corpus
	note   string
}

// Row is what came of one contender.
type Row struct {
	Name   string `json:"name"`
	Corpus Corpus `json:"corpus"`
	Note   string `json:"note,omitempty"`
	Error  string `json:"error,omitempty"` // then what follows is empty
	Counts string `json:"counts"`          // Equal, EqualASCII or Different

	Tally
	Wall   Spread    `json:"wall_seconds"`
	Speed  float64   `json:"megabytes_per_second"` // of 10^6 bytes
	Ratio  float64   `json:"ratio"`                // its seconds for a byte, to those of the first row
	CPU    Spread    `json:"cpu_seconds"`
	Memory Memory    `json:"memory"`
	Redis  *RedisUse `json:"redis,omitempty"` // medians
	Runs   []Run     `json:"runs"`            // the rounds that count
}

// What the check of a contender's counts can say.
const (
	Equal      = "equal"
	EqualASCII = "equal, split at the white space of ASCII"
	Different  = "DIFFERENT"
)

// Spread is what several rounds gave.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func spread(runs []Run, of func(Run) float64) Spread {
	all := make([]float64, len(runs))
	for i, r := range runs {
		all[i] = of(r)
	}
	slices.Sort(all)
	n := len(all)
	if n == 0 {
		return Spread{}
	}
	return Spread{(all[(n-1)/2] + all[n/2]) / 2, all[0], all[n-1]}
}

// measure lets the contenders take turns, first one round that isn't counted: it warms the page cache, and the whole
// result is checked and the memory looked at. What the machine does besides, it does to all alike.
//
// The first contender is what the others are compared with. The error, if there are rows, is that of a contender: the
// others were measured.
func (b Bench) measure(ctx context.Context, entries []entry) (rows []Row, err error) {
	rows = make([]Row, len(entries))
	defer func() {
		// Also after Ctrl-C, and then not for long.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
		defer cancel()
		for _, e := range entries {
			err = errors.Join(err, e.close(ctx))
		}
	}()
	var failures error
	fail := func(i int, cause error) {
		rows[i].Error = cause.Error()
		failures = errors.Join(failures, fmt.Errorf("%s: %w", entries[i].name, cause))
	}
	for i, e := range entries {
		rows[i] = Row{Name: e.name, Corpus: e.corpus, Note: e.note}
		if err := e.open(ctx); err != nil {
			return nil, fmt.Errorf("bench: %s: %w", e.name, err)
		}
	}
	known := references{}
	for round := range b.Rounds + 1 {
		first := round == 0
		for i, e := range entries {
			row := &rows[i]
			if row.Error != "" || len(row.Runs) < round-1 || round > 0 && row.once() {
				continue
			}
			run, err := e.once(ctx, e.corpus, first)
			switch {
			case ctx.Err() != nil:
				return nil, context.Cause(ctx)
			case err != nil && i == 0:
				return nil, fmt.Errorf("bench: %s: %w", e.name, err) // there is nothing to compare with
			case err != nil:
				fail(i, err)
				continue
			}
			b.Say("round %d of %d: %s took %.2f s", round, b.Rounds, e.name, run.Seconds)
			counts, err := known.check(ctx, run.tally, e.corpus, entries[0].corpus, rows[0].Tally)
			switch {
			case err != nil:
				return nil, err
			case first && i == 0:
				counts = Equal // to itself
			case counts == Different:
				fail(i, fmt.Errorf("it counts %d words, %d distinct", run.tally.Tokens, run.tally.Distinct))
			}
			row.Counts = counts
			row.learn(run, first)
		}
	}
	for i := range rows {
		rows[i].conclude(rows[0])
	}
	return rows, failures
}

// once tells whether one round is all that there will be.
func (r *Row) once() bool { return r.Note == measuredOnce }

const measuredOnce = "measured once, for it is slow"

// learn adds a round.
func (r *Row) learn(run Run, first bool) {
	r.Memory.Largest = max(r.Memory.Largest, run.memory.Largest)
	r.Memory.Redis = max(r.Memory.Redis, run.memory.Redis)
	if first {
		r.Tally = run.tally
		r.Memory.Supervisor, r.Memory.Workers = run.memory.Supervisor, run.memory.Workers
		if run.Seconds <= tooSlow.Seconds() {
			return
		}
		r.Note = measuredOnce
	}
	r.Runs = append(r.Runs, run)
}

// conclude draws from the rounds what they have to say.
func (r *Row) conclude(reference Row) {
	if len(r.Runs) == 0 {
		return
	}
	r.Wall = spread(r.Runs, func(run Run) float64 { return run.Seconds })
	r.CPU = spread(r.Runs, func(run Run) float64 { return run.CPU })
	r.Speed = float64(r.Corpus.Bytes) / 1e6 / r.Wall.Median
	r.Ratio = r.perByte() / reference.perByteOr(r)
	if r.Runs[0].Redis == nil {
		return
	}
	median := func(of func(*RedisUse) float64) float64 {
		return spread(r.Runs, func(run Run) float64 { return of(run.Redis) }).Median
	}
	r.Redis = &RedisUse{
		CPU:      median(func(u *RedisUse) float64 { return u.CPU }),
		Received: int64(median(func(u *RedisUse) float64 { return float64(u.Received) })),
		Sent:     int64(median(func(u *RedisUse) float64 { return float64(u.Sent) })),
		Saves:    int(median(func(u *RedisUse) float64 { return float64(u.Saves) })),
	}
}
