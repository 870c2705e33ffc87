package timeline

import (
	"cmp"
	"slices"
	"time"

	"github.com/magereduce/magereduce/pkg/report/text"
)

// buckets is how many parts of a run have a rate of their own.
const buckets = 160

// Rates are how many bytes of input workers counted in each part of the run, per second: those that
// count, and those that were counted in vain. All parts are of the same length. A commit's bytes are
// spread evenly over its attempts.
func (r Run) Rates() (kept, vain []float64) {
	kept, vain = make([]float64, buckets), make([]float64, buckets)
	each := r.Length().Seconds() / buckets
	for _, l := range r.Lanes {
		for _, a := range l.Attempts {
			if a.Bytes == 0 {
				continue
			}
			into := kept
			if a.Outcome != Committed {
				into = vain
			}
			from, to := r.Share(a.From)*buckets, r.Share(a.End(r))*buckets
			first, last := int(from), min(int(to), buckets-1)
			for i := first; i <= last; i++ {
				part := 1.0
				if to > from {
					part = (min(to, float64(i+1)) - max(from, float64(i))) / (to - from)
				}
				into[i] += float64(a.Bytes) * part / each
			}
		}
	}
	return kept, vain
}

// Length is how long the run took; never 0.
func (r Run) Length() time.Duration { return max(r.To.Sub(r.From), time.Millisecond) }

// Share is where a time is in the run: 0 is its begin, 1 its end.
func (r Run) Share(at time.Time) float64 {
	return min(max(float64(at.Sub(r.From))/float64(r.Length()), 0), 1)
}

// End is when an attempt ended, or the end of what is known.
func (a *Attempt) End(r Run) time.Time {
	if a.To.IsZero() {
		return r.To
	}
	return a.To
}

// Took is how long an attempt took.
func (a *Attempt) Took(r Run) time.Duration { return max(0, a.End(r).Sub(a.From)) }

// Redone is work that was done in vain for one reason.
type Redone struct {
	Why      string
	Outcome  Outcome // of the first attempt
	Attempts []*Attempt
}

// InVain lists the work that was done in vain, by reason.
func (r Run) InVain() (all []*Redone) {
	byWhy := map[string]*Redone{}
	for _, l := range r.Lanes {
		for _, a := range l.Attempts {
			if a.Outcome == Committed || a.Outcome == Open {
				continue
			}
			why := cmp.Or(text.Cut(a.Why, text.WhyMost), "nobody has said why")
			g := byWhy[why]
			if g == nil {
				g = &Redone{Why: why, Outcome: a.Outcome}
				byWhy[why], all = g, append(all, g)
			}
			g.Attempts = append(g.Attempts, a)
		}
	}
	slices.SortFunc(all, func(a, b *Redone) int {
		return cmp.Or(len(b.Attempts)-len(a.Attempts), cmp.Compare(a.Why, b.Why))
	})
	return all
}

// ForGood returns the attempt that has done, for good, the tasks that another attempt was at. It returns
// nil if nobody has done them yet.
func (r Run) ForGood(a *Attempt) *Attempt {
	if len(a.Numbers) == 0 {
		return nil
	}
	return r.holds[id{a.Stream, a.Numbers[0]}]
}

// Labour is what the workers did with their time, all lives together.
type Labour struct {
	Counting, Storing, Vain time.Duration
	Idle                    time.Duration // starting, and waiting for tasks and answers
}

// Labour sums up the time of the workers.
func (r Run) Labour() (did Labour) {
	var whole time.Duration
	for _, l := range r.Lanes {
		for _, life := range l.Lives {
			whole += life.To.Sub(life.From)
		}
		for _, a := range l.Attempts {
			switch {
			case a.Outcome != Committed && a.Outcome != Open:
				did.Vain += a.Took(r)
			case a.Stream == "reduce":
				did.Storing += a.Took(r)
			default:
				did.Counting += a.Took(r)
			}
		}
	}
	busy := did.Counting + did.Storing + did.Vain
	did.Idle = max(whole, busy, time.Microsecond) - busy
	return did
}

// TasksOf names what an attempt was at.
func (r Run) TasksOf(a *Attempt) string {
	tasks := of(a.Stream, a.Tasks)
	if r.name != nil && len(a.Numbers) == 1 {
		if name := r.name(a.Stream, a.Numbers[0]); name != "" {
			tasks += ", " + text.Cut(name, text.NameMost)
		}
	}
	return tasks
}
