package worker

import (
	"math"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

const (
	// wordCost is what one distinct word of a commit costs in total: packing, sending, storing,
	// reading and merging it.
	wordCost = 200 * time.Nanosecond
	// calmLife is the expected lifetime of a worker while no worker has died. It is also the
	// longest lifetime that commitEvery assumes.
	calmLife = time.Minute

	commitMin = 500 * time.Millisecond // between commits, at least
	commitMax = 5 * time.Second        // between commits, at most
)

// commitEvery returns how long a worker combines counts before it commits them. words is the number
// of distinct words, and life is the mean lifetime of workers (0: no worker has died). A commit
// costs what its words cost. On average a death costs half of the time between two commits. With a
// cost C and a lifetime M, the sum is least when that time is the square root of 2CM (Young, "A
// first order approximation to the optimum checkpoint interval", CACM 1974).
func commitEvery(words int, life time.Duration) time.Duration {
	if life <= 0 || life > calmLife {
		life = calmLife
	}
	cost := wordCost.Seconds() * float64(words)
	best := time.Duration(math.Sqrt(2*cost*life.Seconds()) * float64(time.Second))
	return min(max(best, commitMin), commitMax)
}

// due reports whether the worker must commit what it has counted before it does anything else.
func (c *combiner) due(life time.Duration) bool {
	return len(c.held) > 0 &&
		(time.Since(c.since) > commitEvery(c.table.Len(), life) || c.spilled > c.spilledMax() || len(c.held) == protocol.CommitMax)
}
