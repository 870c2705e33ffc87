// Package merge makes totals of map outputs. It is where the partial counts of a word become its
// count.
//
// # Basics
//
//	m := merge.New(client, memory, store)
//	totals, err := m.Totals(ctx, outputs, run, partitions)
//	defer totals.Discard()
//	for entry, err := range totals.Words() {
//		…
//	}
//
//	merge.go   reads the segments of a partition from all map outputs into one table
//	totals.go  the tables of several partitions in one order, spilled where they don't fit into memory
//
// # Caveats
//
// A map output that can't be read says nothing about its host's disk or network. It is read again,
// and only then a [LostError] reports it. What was merged with it is of no use.
//
// A [Merger] reads the list of map outputs once, and keeps it until Forget.
package merge
