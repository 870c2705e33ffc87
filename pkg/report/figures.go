package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Word is a word with its count.
type Word struct {
	Word string
	N    uint64
}

// buckets is how many points a curve has.
const buckets = 160

// rates are how many bytes of input workers counted in each part of the run, per second: those that
// count, and those that were counted in vain. A commit's bytes are spread evenly over its attempts.
func (r Run) rates() (kept, vain []float64) {
	kept, vain = make([]float64, buckets), make([]float64, buckets)
	each := r.length().Seconds() / buckets
	for _, l := range r.Lanes {
		for _, a := range l.Attempts {
			if a.Bytes == 0 {
				continue
			}
			into := kept
			if a.Outcome != Committed {
				into = vain
			}
			from, to := r.share(a.From)*buckets, r.share(a.end(r))*buckets
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

// length is how long the run took; never 0.
func (r Run) length() time.Duration { return max(r.To.Sub(r.From), time.Millisecond) }

// share is where a time is in the run: 0 is its begin, 1 its end.
func (r Run) share(at time.Time) float64 {
	return min(max(float64(at.Sub(r.From))/float64(r.length()), 0), 1)
}

// end is when an attempt ended, or the end of what is known.
func (a *Attempt) end(r Run) time.Time {
	if a.To.IsZero() {
		return r.To
	}
	return a.To
}

func (a *Attempt) took(r Run) time.Duration { return max(0, a.end(r).Sub(a.From)) }

// redone is work that was done in vain for one reason.
type redone struct {
	Why      string
	Outcome  Outcome
	Attempts int
	Took     time.Duration
	Rows     []redoneRow
}

// redoneRow is one attempt that was in vain.
type redoneRow struct {
	At, Worker, Tasks, Took, Again string
}

// Bounds of what a page shows.
const (
	redoneRows = 8  // of each reason
	reasons    = 12 // for work in vain
	lanesMost  = 64
	marksMost  = 400
	tableRows  = 400
)

// inVain lists the work that was done in vain, by reason.
func (r Run) inVain() (all []*redone) {
	byWhy := map[string]*redone{}
	for _, l := range r.Lanes {
		for _, a := range l.Attempts {
			if a.Outcome == Committed || a.Outcome == Open {
				continue
			}
			why := cmp.Or(cut(a.Why, whyMost), "nobody has said why")
			g := byWhy[why]
			if g == nil {
				g = &redone{Why: why, Outcome: a.Outcome}
				byWhy[why], all = g, append(all, g)
			}
			g.Attempts++
			g.Took += a.took(r)
			if len(g.Rows) < redoneRows {
				g.Rows = append(g.Rows, redoneRow{r.clock(a.From), fmt.Sprint(l.Number), r.tasks(a), short(a.took(r)), r.again(a)})
			}
		}
	}
	slices.SortFunc(all, func(a, b *redone) int { return cmp.Or(b.Attempts-a.Attempts, cmp.Compare(a.Why, b.Why)) })
	return all
}

// again says who did a task for good.
func (r Run) again(a *Attempt) string {
	if len(a.numbers) == 0 {
		return "–"
	}
	if other := r.holds[id{a.Stream, a.numbers[0]}]; other != nil {
		return fmt.Sprintf("worker %d, at %s", other.Lane, r.clock(other.From))
	}
	return "nobody yet"
}

// part is a part of a whole of time.
type part struct {
	Name, Class, Took string
	Percent           float64
}

// wall says how long each phase took. A phase that came again after a rollback is one with its first.
func (r Run) wall() []part {
	names := map[string]string{"map": "map", "reduce": "reduce", "done": "seal"}
	var order []string
	took := map[string]time.Duration{}
	for _, p := range r.Phases {
		name := cmp.Or(names[p.Name], "plan and seed")
		if _, known := took[name]; !known {
			order = append(order, name)
		}
		took[name] += p.To.Sub(p.From)
	}
	classes := map[string]string{"plan and seed": "seed", "map": "map", "reduce": "reduce", "seal": "seal"}
	var parts []part
	for _, name := range order {
		parts = append(parts, part{name, classes[name], short(took[name]), 100 * float64(took[name]) / float64(r.length())})
	}
	return parts
}

// labour says what the workers did with their time, all lives together.
func (r Run) labour() []part {
	var whole, counted, stored, vain time.Duration
	for _, l := range r.Lanes {
		for _, life := range l.Lives {
			whole += life.To.Sub(life.From)
		}
		for _, a := range l.Attempts {
			switch {
			case a.Outcome != Committed && a.Outcome != Open:
				vain += a.took(r)
			case a.Stream == "reduce":
				stored += a.took(r)
			default:
				counted += a.took(r)
			}
		}
	}
	whole = max(whole, counted+stored+vain, time.Microsecond)
	var parts []part
	for _, p := range []struct {
		name, class string
		took        time.Duration
	}{
		{"counting", "committed", counted}, {"merging and storing", "reduce", stored},
		{"in vain", "lost", vain}, {"starting, waiting for tasks and answers", "idle", whole - counted - stored - vain},
	} {
		parts = append(parts, part{p.name, p.class, short(p.took), 100 * float64(p.took) / float64(whole)})
	}
	return parts
}

// tasks names what an attempt was at.
func (r Run) tasks(a *Attempt) string {
	text := of(a.Stream, a.Tasks)
	if r.name != nil && len(a.numbers) == 1 {
		if name := r.name(a.Stream, a.numbers[0]); name != "" {
			text += ", " + cut(name, nameMost)
		}
	}
	return text
}

// clock is a time as seconds since the begin of the run.
func (r Run) clock(at time.Time) string {
	return fmt.Sprintf("%.2f s", at.Sub(r.From).Seconds())
}
