package worker

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

// commitEvery is how long a worker combines counts before it commits them; words is how many distinct ones there are, and
// life how long workers live, in the mean (0: none has died). A commit costs what its words cost, and a death costs half
// of what lies between two commits. With a cost C and a life M, together that is least at the square root of 2CM (Young,
// "A first order approximation to the optimum checkpoint interval", CACM 1974).
func commitEvery(words int, life time.Duration) time.Duration {
	if life <= 0 || life > calmLife {
		life = calmLife
	}
	cost := wordCost.Seconds() * float64(words)
	best := time.Duration(math.Sqrt(2*cost*life.Seconds()) * float64(time.Second))
	return min(max(best, commitMin), commitMax)
}

// due reports whether what is counted must be committed now, whatever comes next.
func (c *combiner) due(life time.Duration) bool {
	return len(c.held) > 0 &&
		(time.Since(c.since) > commitEvery(c.table.Len(), life) || c.spilled > c.spilledMax() || len(c.held) == batchMax)
}
