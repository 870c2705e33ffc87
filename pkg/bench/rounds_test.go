package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// tooSlow is the time of a round from which on a contender is measured once: what takes minutes
// needs no median.
const tooSlow = time.Minute

// row is what came of one contender.
type row struct {
	name    string
	corpus  corpusDir
	err     error  // then what follows is empty
	counts  string // equal, equalASCII or uncounted
	tally   tally
	memory  float64  // the most of any round, because all of a job is seen in the first alone
	samples []sample // the rounds that count

	slow bool // not to be measured again
}

// measure lets the contenders take turns, so that whatever else the machine does slows all of them.
// One round, which isn't counted, comes first: it warms the page cache, and the memory of the job
// is looked at.
//
// The others are compared with the first contender. If there are rows, the error is that of a
// contender, and the others were measured.
func (b bench) measure(ctx context.Context, benchmark string, entries []entry) (rows []row, err error) {
	defer func() {
		// Also after Ctrl-C, and then not for long.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
		defer cancel()
		for _, e := range entries {
			err = errors.Join(err, e.close(ctx))
		}
	}()
	rows = make([]row, len(entries))
	for i, e := range entries {
		rows[i] = row{name: e.name, corpus: e.corpus}
		if err := e.open(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", e.name, err)
		}
	}
	var failures error
	for round := range b.rounds + 1 {
		for i, e := range entries {
			r := &rows[i]
			if r.err != nil || r.slow {
				continue
			}
			unix.Sync() // or a job would wait for the disk to write what others have left
			s, err := e.count(ctx, e.corpus, round == 0)
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			if err == nil {
				b.say("round %d of %d: %s: %.2f s", round, b.rounds, e.name, s.seconds)
				want := s.tally // of the job, which comes first
				if i > 0 || round > 0 {
					want = rows[0].tally
				}
				if _, part := e.contender.(partOf); part {
					r.counts = uncounted
				} else {
					r.counts, err = b.check(ctx, s.tally, want, e.corpus)
				}
			}
			if err != nil {
				err = fmt.Errorf("%s: %w", e.name, err)
				if i == 0 { // there is nothing to compare with
					return nil, err
				}
				r.err, failures = err, errors.Join(failures, err)
				continue
			}
			r.learn(s, round == 0)
			if len(r.samples) > 0 {
				b.log.add(benchmark, *r, s)
			}
		}
	}
	return rows, failures
}

// learn adds a round. The first isn't counted, unless it takes too long to be repeated.
func (r *row) learn(s sample, first bool) {
	r.memory = max(r.memory, s.memory)
	if first {
		r.tally = s.tally
		r.slow = s.seconds > tooSlow.Seconds()
	}
	if !first || r.slow {
		r.samples = append(r.samples, s)
	}
}

// spread is what several rounds gave.
type spread struct{ median, min, max float64 }

func (r row) spread(of func(sample) float64) spread {
	all := make([]float64, len(r.samples))
	for i, s := range r.samples {
		all[i] = of(s)
	}
	slices.Sort(all)
	n := len(all)
	if n == 0 {
		return spread{}
	}
	return spread{(all[(n-1)/2] + all[n/2]) / 2, all[0], all[n-1]}
}

func (r row) seconds() spread { return r.spread(func(s sample) float64 { return s.seconds }) }

func (r row) spent(unit string) float64 {
	return r.spread(func(s sample) float64 { return s.spent[unit] }).median
}

func (r row) megabytes() float64 { return float64(r.corpus.bytes) / 1e6 }

// ratio is the time of the row in that of another one; 0 if one of them has none.
func (r row) ratio(to row) float64 {
	if r.err != nil || to.err != nil {
		return 0
	}
	return r.seconds().median / to.seconds().median
}
