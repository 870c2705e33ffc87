// Package combine counts the words of splits, and combines the counts: each word has one count for all
// that a worker does between two commits. This is where the words of a file become counts.
//
// # Basics
//
//	c, err := combine.New(reducers, memory, store, counting)
//	c.SpillTo(run)
//
//	words, err := c.Count(file, split) // each range of a task
//	c.Hold(task, words, begun)         // when all of them are counted
//	if c.Due(life, maps) {
//		commit, err := c.Output()
//		c.Empty()
//	}
//
// The words come from a [File] that the worker has opened. Plain text is cut and counted at once.
// Other files are a text first: a compressed one is unpacked, and of a file of records only the
// values of one field are cut. What doesn't fit into memory spills: the table is added to the map
// output that the next commit will name.
//
//	count.go     which way a file is counted; file.go is what is asked of it
//	combiner.go  the counts of what is held: the words of plain text, spills, the map output
//	unpack.go    the words of a compressed text
//	unpacking.go the text of a split that is compressed, and which words a split of frames has
//	records.go   the words of records
//	due.go       when what is held must be committed
//
// # Caveats
//
// Counts of several tasks can't be separated. So a split that fails spoils all that is held: the
// caller empties the combiner, and counts the other tasks again.
//
// Without reducers there is nothing to spill to. A task with too many distinct words is refused.
package combine
