package wordcount

import (
	"math"
	"time"
)

const (
	// wordCost is what a distinct word of a commit costs all who have to do with it: packing, sending, storing, reading
	// and merging it.
	wordCost = 200 * time.Nanosecond
	// calmLife is how long a worker is expected to live as long as none has died.
	calmLife = time.Minute

	commitMin = 500 * time.Millisecond // between commits
	commitMax = 5 * time.Second
)

// due tells whether what is counted must be committed now, whatever comes next.
func (w *Worker) due() bool {
	return len(w.held) > 0 &&
		(time.Since(w.since) > w.commitEvery() || w.spilled > w.spilledMax() || len(w.held) == batchMax)
}

// commitEvery is how long counts are combined before they are committed. A commit costs what its words cost, and a death
// costs half of what lies between two commits: with a cost C and a life M, together that is least at the square root of
// 2CM (Young, "A first order approximation to the optimum checkpoint interval", CACM 1974).
func (w *Worker) commitEvery() time.Duration {
	life := calmLife
	if seen := time.Duration(w.life.Load()); seen > 0 {
		life = min(life, seen)
	}
	cost := wordCost.Seconds() * float64(w.table.Len())
	best := time.Duration(math.Sqrt(2*cost*life.Seconds()) * float64(time.Second))
	return min(max(best, commitMin), commitMax)
}
