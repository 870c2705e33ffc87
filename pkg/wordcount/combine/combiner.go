package combine

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/claim"
	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/memory"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle/backend"
)

const (
	// countStep is how much of a split is counted before the size of the table is checked, in bytes. It
	// is less with little memory: a 256th of it, and leastStep at least. Smaller steps cost more reads.
	// stepWords is about the number of distinct words that such a step may bring.
	countStep = 1 << 20
	leastStep = 64 << 10
	stepWords = countStep / 8

	// maxLiveWords is how many distinct words one task may have without reducers. Each word is a
	// ZINCRBY within one call, and half a million of them block the server for about three seconds.
	maxLiveWords = 500_000
	// liveBytes is what such a word takes in the call, beyond its own bytes.
	liveBytes = 128
)

// Combiner adds up what a worker counts between two commits. With reducers, what doesn't fit into
// memory spills into the map output that the next commit will name.
type Combiner struct {
	reducers int   // partitions; 0: map only
	memory   int64 // bytes that the worker may use
	besides  int   // bytes of the table's room that the store takes

	run    shuffle.Run     // where map outputs are written
	table  *count.Table    // what is not in out yet
	out    *shuffle.Writer // of the next commit; nil: nothing has spilled yet
	name   string          // of out
	tokens uint64          // words in the held tasks, repetitions included
	tally  protocol.Tally  // of the held tasks, and of the one that is being counted
	held   []claim.Task    // tasks that are counted in table and out
	since  time.Time       // when counting the first of them began

	unpacker *input.Unpacker // of compressed files; nil: there was none, and the table has its room
	text     []byte          // unpacked, and not counted yet
	records  *records        // nil: the words of plain text are counted
}

// New makes a combiner that counts what a job says. memory is how many bytes the worker may use, and
// store is where its map outputs are. The error wraps protocol.ErrInput.
func New(reducers int, memory int64, store string, counting plan.Counting) (*Combiner, error) {
	c := &Combiner{reducers: reducers, memory: memory, besides: backend.Room(store), table: count.New()}
	if err := c.countRecords(counting); err != nil {
		return nil, err
	}
	return c, nil
}

// SpillTo says where map outputs are written. Without reducers there are none.
func (c *Combiner) SpillTo(run shuffle.Run) { c.run = run }

// step is how many bytes of a text are counted before the size of the table is checked.
func (c *Combiner) step() int64 { return min(countStep, max(leastStep, c.memory/256)) }

// add counts a range of r, which has size bytes, into the table, and returns the number of words in
// the range. When the table has grown too large, it spills. The error of a store that can't be used is
// that of package shuffle.
func (c *Combiner) add(r io.ReaderAt, off, n, size int64) (tokens uint64, err error) {
	step := c.step()
	for end := off + n; off < end; off += step {
		n, err := c.table.Split(r, off, min(step, end-off), size)
		if err != nil {
			return 0, err
		}
		tokens += n
		if err := c.bound(); err != nil {
			return 0, err
		}
	}
	return tokens, nil
}

// bound spills a table that is full. Without reducers, it refuses one that has too many words.
func (c *Combiner) bound() error {
	switch {
	case c.reducers > 0 && c.full():
		return c.relieve()
	case c.reducers == 0 && (c.table.Len() > maxLiveWords || c.full()):
		return fmt.Errorf("more than %d distinct words in one task, or more than fit into memory: use reducers or a split size", maxLiveWords)
	}
	return nil
}

// stepDistinct is how many distinct words a step may bring.
func (c *Combiner) stepDistinct() int { return int(min(stepWords, c.memory/1024)) }

// Hold records a task whose words are all counted. begun is when counting the task began.
func (c *Combiner) Hold(t claim.Task, tokens uint64, begun time.Time) {
	if len(c.held) == 0 {
		c.since = begun
	}
	c.held = append(c.held, t)
	c.tokens += tokens
}

// Held returns the tasks that are held. After Output, they are in the order of its commit.
func (c *Combiner) Held() []claim.Task { return c.held }

// full reports whether the table must be emptied, because the next step may double it, and then the
// table and what is packed of it might take more than the room for them. A table is not full because
// it is large: a table that was emptied keeps its size.
func (c *Combiner) full() bool {
	packed := c.table.Packed()
	if c.reducers == 0 {
		packed = c.table.Text() + c.table.Len()*liveBytes
	}
	left := memory.Room(c.memory) - c.besides
	if c.unpacker != nil {
		left -= memory.UnpackRoom(c.memory)
	}
	if c.records != nil {
		left -= memory.RecordRoom(c.memory)
	}
	return c.table.Need(c.stepDistinct())+packed > left
}

// relieve spills within a task.
func (c *Combiner) relieve() error {
	if c.spills() == shuffle.MaxSpills-1 { // the last one is for what Output finds in the table
		return fmt.Errorf("more distinct words in one task than fit into memory %d times: use a split size, or give each worker more memory", shuffle.MaxSpills-1)
	}
	return c.spill()
}

// spill adds the table to the map output, and empties it.
func (c *Combiner) spill() (err error) {
	if c.out == nil {
		// The name is new each time, because a name must never mean two contents.
		c.name = protocol.NewNonce()
		if c.out, err = c.run.Create(c.name, c.reducers); err != nil {
			return err
		}
	}
	if err := c.out.Add(c.table); err != nil {
		return err
	}
	c.table.Reset()
	memory.Collect()
	return nil
}

// spills is how many spills the next map output has so far.
func (c *Combiner) spills() int {
	if c.out == nil {
		return 0
	}
	return c.out.Written().Spills
}

// Output ends what a commit of everything that is held adds to the job, and describes it. With
// reducers, that is a map output, which others can see from now on. The caller empties the combiner.
func (c *Combiner) Output() (o protocol.Commit, err error) {
	slices.SortFunc(c.held, func(a, b claim.Task) int { return cmp.Compare(a.Number, b.Number) })
	o.Tokens, o.Tally = c.tokens, c.tally
	for _, t := range c.held {
		o.Tasks, o.Bytes = append(o.Tasks, t.Number), o.Bytes+t.Split.Bytes()
	}
	if c.reducers == 0 {
		o.Output = protocol.NewNonce()
		o.Words = make([]any, 0, 2*c.table.Len())
		for word, n := range c.table.All() {
			o.Words = append(o.Words, string(word), n)
		}
		return o, nil
	}
	if err := c.spill(); err != nil {
		return o, err
	}
	written, err := c.out.Finish()
	if err == nil && written.Tokens != c.tokens {
		err = fmt.Errorf("%w: a map output has %d words, and %d were counted", protocol.ErrState, written.Tokens, c.tokens)
	}
	o.Output, c.out = c.name, nil
	return o, err
}

// Empty drops everything that is counted.
func (c *Combiner) Empty() {
	if c.out != nil {
		c.out.Abort() // what stays nevertheless is garbage, which goes with the run
		c.out = nil
	}
	c.table.Reset()
	c.tokens, c.tally, c.held = 0, protocol.Tally{}, nil
}

// Shrink frees the memory of the table, which must be empty, and what compressed files and records
// need.
func (c *Combiner) Shrink() {
	c.table = count.New()
	c.unpacker, c.text = nil, nil
	if c.records != nil {
		c.records.reader.Shrink()
	}
	memory.Collect()
}
