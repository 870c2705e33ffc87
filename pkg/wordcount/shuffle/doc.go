// Package shuffle is the data plane of a job: the place where map workers leave partial counts, and
// reducers find them. Redis knows which map outputs count. This package knows what is in them. If Redis
// gets only the most frequent words, the whole result lies here, too.
//
// # Basics
//
// A [Store] is a folder that all workers of a job share, or a prefix of a bucket in S3. A [Run] is the
// part of it that belongs to one run of one job. The supervisor makes it, marks it, and deletes it:
//
//	run, err := store.Run(job, nonce)
//	err = run.Prepare()        // the folder and the mark, also to restore them
//	err = run.DiscardMaps()    // the result is sealed
//
// A map worker writes one map output for each commit, and then names it in Redis:
//
//	w, err := run.Create(name, partitions)
//	defer w.Abort()            // does nothing after Finish
//	err = w.Add(table)         // one spill, as often as the table is full, MaxSpills times at most
//	written, err := w.Finish() // from now on others can see it
//
// A reducer reads one partition of each map output:
//
//	out, err := run.Open(name, partitions) // header and footer are checked
//	for step, err := range reader.Partition(out, p) {
//		// An error: drop all that was merged.
//		table.MergeStep(step)
//	}
//
// A map output is one file. It is written in one pass, and never changed:
//
//	STORE/JOB/RUN/mark      the nonce of the run
//	STORE/JOB/RUN/map/NAME  ┌────────┬──────────────────────────────┬────────┬──────┐
//	                        │ header │ spill 0   p0 p1 p2 … p(R-1)  │ footer │ tail │
//	                        │ whose  │ spill 1   p0 p1 p2 … p(R-1)  │ what   │ sum, │
//	                        │ it is  │ …         one segment each   │ is     │ end  │
//	                        └────────┴──────────────────────────────┴─where──┴──────┘
//
// Where only the N most frequent words go into Redis, a reducer writes the totals of each partition to
// a result file, STORE/JOB/RUN/result/NAME, with [Run.CreateResult]. Its words are in the order of a
// result, so [Run.Words] merges all files. Each block has a checksum of its own, so a reader can check
// a word before it shows it. A reducer writes totals that don't fit into its memory to files of the
// same format, with [Run.CreateSorted], and merges them with [Run.Sorted].
//
// Every error is of one of two classes. [ErrLost] says that a map output is damaged, swapped or gone,
// and its tasks must be counted anew; [ErrLostResult] says the same of a result file. [ErrHost] says
// that this host can't use the store, and nothing is known about the file; [ErrNoMark] is one, because
// another file system is probably mounted there. In S3, only what is not there or ends too early is
// lost, and every other answer is the host's error. Two errors are of neither class: [ErrName], of
// names that are no names, and [ErrForeign], of a store that others may write to.
//
// # Caveats
//
// A segment has one checksum, but is read in steps. So a reducer gets words before all of their
// segment is checked, and must drop the merge if an error follows or it leaves the loop early.
//
// Only result files are synced to a disk. Any other file that a crash has damaged is lost, and counted
// anew. Result files stay when the mark and the map outputs go.
//
// The checksums find accidents. They don't stop somebody who may write to the store. So its owner
// alone may, and [CheckOwner] says whether a folder is such a store.
package shuffle
