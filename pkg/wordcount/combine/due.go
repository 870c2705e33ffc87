package combine

import (
	"math"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
)

const (
	// wordCost is what one distinct word of a commit costs in total: packing, writing, reading and
	// merging it.
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

// OutputsMax is about how many map outputs a job has at most. A reducer reads from each of them, and
// their list is one reply of Redis. There is one more for each life of a worker, and there are more
// where memory is short.
const OutputsMax = 8192

// Due reports whether the worker must commit what it has counted before it does anything else. life
// is the mean lifetime of workers (0: no worker has died). maps is the number of the job's map tasks,
// all of about the same size.
func (c *Combiner) Due(life time.Duration, maps int) bool {
	held := len(c.held)
	if held == 0 {
		return false
	}
	// Half of the spills are left for one more task, because a commit can't come in its middle.
	return held == protocol.CommitMax || c.spills() >= shuffle.MaxSpills/2 ||
		held*OutputsMax >= maps && time.Since(c.since) > commitEvery(c.table.Len(), life)
}
