package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	Counts string `json:"counts"`          // Equal or EqualASCII

	Tally
	Wall   Spread    `json:"wall_seconds"`
	Speed  float64   `json:"megabytes_per_second"` // of 10^6 bytes
	Ratio  float64   `json:"ratio"`                // its seconds for a byte, to those of the first row
	CPU    Spread    `json:"cpu_seconds"`          // without Redis
	Memory Memory    `json:"memory"`
	Redis  *RedisUse `json:"redis,omitempty"` // medians
	Runs   []Run     `json:"runs"`            // the rounds that count

	slow bool // not to be measured again
}

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
	for i, e := range entries {
		rows[i] = Row{Name: e.name, Corpus: e.corpus, Note: e.note}
		if err := e.open(ctx); err != nil {
			return nil, fmt.Errorf("bench: %s: %w", e.name, err)
		}
	}
	known := references{of: entries[0].corpus}
	for round := range b.Rounds + 1 {
		for i, e := range entries {
			row := &rows[i]
			if row.Error != "" || row.slow {
				continue
			}
			run, err := e.once(ctx, e.corpus, round == 0)
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			if err == nil {
				b.Say("round %d of %d: %s: %.2f s", round, b.Rounds, e.name, run.Seconds)
				if round == 0 && i == 0 {
					known.tally = run.tally
				}
				row.Counts, err = known.check(ctx, run.tally, e.corpus)
			}
			switch {
			case err != nil && i == 0:
				return nil, fmt.Errorf("bench: %s: %w", e.name, err) // there is nothing to compare with
			case err != nil:
				row.Error = err.Error()
				failures = errors.Join(failures, fmt.Errorf("bench: %s: %w", e.name, err))
				continue
			}
			row.learn(run, round == 0, i > 0 && run.Seconds > tooSlow.Seconds())
		}
	}
	for i := range rows {
		rows[i].conclude()
		if rows[i].Speed > 0 {
			rows[i].Ratio = rows[0].Speed / rows[i].Speed
		}
	}
	return rows, failures
}

// learn adds a round. The first isn't counted, unless it has taken too long to be repeated.
func (r *Row) learn(run Run, first, slow bool) {
	r.Memory.Largest = max(r.Memory.Largest, run.memory.Largest)
	r.Memory.Redis = max(r.Memory.Redis, run.memory.Redis)
	if first {
		r.Tally = run.tally
		r.Memory.Supervisor, r.Memory.Workers = run.memory.Supervisor, run.memory.Workers
	}
	if !first || slow {
		r.Runs = append(r.Runs, run)
	}
	if slow {
		r.slow = true
		r.Note = strings.TrimPrefix(r.Note+"; slow, so measured "+times(len(r.Runs)), "; ")
	}
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// conclude draws from the rounds what they have to say.
func (r *Row) conclude() {
	if len(r.Runs) == 0 {
		return
	}
	r.Wall = spread(r.Runs, func(run Run) float64 { return run.Seconds })
	r.CPU = spread(r.Runs, func(run Run) float64 { return run.CPU })
	r.Speed = float64(r.Corpus.Bytes) / 1e6 / r.Wall.Median
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
