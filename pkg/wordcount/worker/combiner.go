package worker

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

const (
	// countStep is how much of a split is counted before the table's size is looked at.
	countStep = 1 << 20 // bytes

	// MaxLiveWords is how many distinct words one task may have without reducers: each is a ZINCRBY within one call,
	// and half a million of them hold the server for about three seconds.
	maxLiveWords = 500_000
)

// combiner adds up what a worker counts between two commits.
type combiner struct {
	reducers int   // partitions; 0: map only
	memory   int64 // bytes that the worker may take

	table   *count.Table
	packed  [][]byte  // by partition: what didn't fit into the table any more
	spilled int       // bytes in packed
	nonce   string    // of the commit that packed is for
	tokens  uint64    // words, all that are in table and packed
	held    []task    // counted in them
	since   time.Time // when the first of them was begun
}

func newCombiner(reducers int, memory int64) combiner {
	return combiner{reducers: reducers, memory: memory, table: count.New()}
}

// add counts a range of one file into the table, and packs that when it has grown too large.
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

// hold notes a task whose words are all in the table.
func (c *combiner) hold(t task, tokens uint64, begun time.Time) {
	if len(c.held) == 0 {
		c.since = begun
	}
	c.held = append(c.held, t)
	c.tokens += tokens
}

// full reports whether the table must be emptied, because it might double next, and then hold more than half of the
// worker's memory for a moment. It isn't full because it is large: a table that was emptied keeps its size. The margin
// is as many words as a step is likely to bring, with the usual memory: one in every eight bytes.
func (c *combiner) full() bool { return c.table.Need(int(c.memory/2048)) > int(c.memory/2) }

// spilledMax is how much of one commit may be packed already, in bytes.
func (c *combiner) spilledMax() int { return int(c.memory / 16) }

// spill packs the table, partition by partition, and empties it: a tenth of the memory holds the same counts.
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

// output is what a commit of all that is held adds to the job.
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

// empty drops all that is held.
func (c *combiner) empty() {
	c.table.Reset()
	c.tokens, c.held, c.packed, c.spilled = 0, nil, nil, 0
}

// shrink gives the memory of an empty table back.
func (c *combiner) shrink() { c.table = count.New() }
