// Package plan decides what a job counts, and cuts it into tasks.
//
// # Basics
//
// Three steps lead from inputs to tasks:
//
//	m, err := plan.Scan(ctx, inputs, state, options) // which files there are, and what is left out
//	p := plan.New(m, options)                        // choices that are open, and the job's name
//	for i, split := range p.Splits() { … }           // task i+1
//
// A [Manifest] is the ordered list of files, each with its size and time. A [Split] is a range of
// one file, or several small files together. It is one task.
//
// The job's name is a hash of everything that gives a task number its meaning: files, sizes, times
// and ETags, where files are cut, the size of a split, what is counted, the number of partitions,
// how many words are kept, and the versions of the formats. If task 3 meant other bytes to a
// supervisor that resumes, or to a worker from before, the counts would be wrong and nobody would
// notice. Equal plans have equal names, so the same command resumes the same job.
//
// A split travels through Redis as a protocol.Entry. A writer to Redis can write any entry, so a worker
// compares it with what its own folder planned: see [Trust].
//
// # Caveats
//
// A scan follows no links to folders, opens no FIFO and no device, and skips the state folders of
// jobs. What it skipped is in Manifest.Skipped, each with a reason.
//
// A scan is not atomic. A file that changes after it was listed is found out later, when it is
// counted or when the job is sealed.
package plan
