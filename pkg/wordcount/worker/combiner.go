package worker

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/claim"
	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

const (
	// countStep is how much of a split is counted before the size of the table is checked.
	countStep = 1 << 20 // bytes

	// maxLiveWords is how many distinct words one task may have without reducers. Each word is a
	// ZINCRBY within one call, and half a million of them block the server for about three seconds.
	maxLiveWords = 500_000
)

// combiner adds up what a worker counts between two commits.
type combiner struct {
	reducers int   // partitions; 0: map only
	memory   int64 // bytes that the worker may use

	table   *count.Table
	packed  [][]byte     // by partition: counts that were moved out of a full table
	spilled int          // bytes in packed
	nonce   string       // of the commit that packed belongs to
	tokens  uint64       // words in the held tasks, repetitions included
	held    []claim.Task // tasks that are counted in table and packed
	since   time.Time    // when counting the first of them began
}

func newCombiner(reducers int, memory int64) combiner {
	return combiner{reducers: reducers, memory: memory, table: count.New()}
}

// add counts a range of one file into the table, and returns the number of words in the range. It
// packs the table when the table has grown too large.
func (c *combiner) add(r io.ReaderAt, s plan.Split) (tokens uint64, err error) {
	for off, end := s.Off, s.Off+s.Len; off < end; off += countStep {
		n, err := c.table.Split(r, off, min(countStep, end-off), s.Size)
		if err != nil {
			return 0, err
		}
		tokens += n
		switch {
		case c.reducers > 0 && c.full():
			c.spill()
		case c.reducers == 0 && c.table.Len() > maxLiveWords:
			return 0, fmt.Errorf("more than %d distinct words in one task: use reducers or a split size", maxLiveWords)
		}
	}
	return tokens, nil
}

// hold records a task whose words are all counted. begun is when counting the task began.
func (c *combiner) hold(t claim.Task, tokens uint64, begun time.Time) {
	if len(c.held) == 0 {
		c.since = begun
	}
	c.held = append(c.held, t)
	c.tokens += tokens
}

// full reports whether the table must be emptied, because the next step may double it, and for a
// moment the table would then use more than half of the worker's memory. A table is not full
// because it is large: a table that was emptied keeps its size. The margin is as many words as a
// step is likely to bring with the usual memory: one for every eight bytes.
func (c *combiner) full() bool { return c.table.Need(int(c.memory/2048)) > int(c.memory/2) }

// spilledMax is how much of one commit may be packed, in bytes. A commit with more is due.
func (c *combiner) spilledMax() int { return int(c.memory / 16) }

// spill packs the table, partition by partition, and empties it. Packed counts take a tenth of the
// memory that they take in the table.
func (c *combiner) spill() {
	if c.packed == nil {
		c.packed, c.nonce = make([][]byte, c.reducers), protocol.NewNonce()
	}
	for p, blob := range c.table.Pack(c.reducers) {
		if blob != nil {
			if c.packed[p] == nil {
				c.packed[p] = []byte(c.nonce)
			}
			before := len(c.packed[p])
			c.packed[p] = append(binary.AppendUvarint(c.packed[p], uint64(len(blob))), blob...)
			c.spilled += len(c.packed[p]) - before
		}
	}
	c.table.Reset()
}

// output returns what a commit of everything that is held adds to the job.
func (c *combiner) output() protocol.Output {
	if c.reducers == 0 {
		words := make([]any, 0, 2*c.table.Len())
		for word, n := range c.table.All() {
			words = append(words, string(word), n)
		}
		return protocol.Output{Nonce: protocol.NewNonce(), Words: words}
	}
	c.spill()
	return protocol.Output{Nonce: c.nonce, Partitions: c.packed}
}

// empty drops everything that is held.
func (c *combiner) empty() {
	c.table.Reset()
	c.tokens, c.held, c.packed, c.spilled = 0, nil, nil, 0
}

// shrink frees the memory of the table, which must be empty.
func (c *combiner) shrink() { c.table = count.New() }
